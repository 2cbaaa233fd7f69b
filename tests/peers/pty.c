// Runs a program on a terminal of its own (a pseudo-terminal) and is whoever
// sits before it: what comes on stdin is typed, what appears is printed.
//
//   pty COLUMNS PROGRAM [ARGUMENT...]
//
// SIGWINCH halves the width of the terminal. At the end of stdin it goes on
// until the program ends. Then it prints whether the terminal echoes and edits
// lines again, as it did before, and ends with the program's status, which is
// 128 + the signal's number if it was a signal.

#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
    LIFETIME = 60, // s
    TICK = 20, // ms between two looks whether the program has ended
};

static struct winsize window = {.ws_row = 24};
static volatile sig_atomic_t resized;

static void on_resize(int signal_number)
{
    (void)signal_number;
    resized = 1;
}

static void run(int terminal, char **argv)
{
    setsid();
    if (ioctl(terminal, TIOCSCTTY, 0) < 0)
        err(1, "TIOCSCTTY");
    dup2(terminal, STDIN_FILENO);
    dup2(terminal, STDOUT_FILENO);
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    execv(argv[0], argv);
    err(127, "%s", argv[0]);
}

// Copies once. Returns what read() does.
static ssize_t copy(int from, int to)
{
    char data[4096];
    ssize_t n = read(from, data, sizeof(data));
    if (n > 0 && write(to, data, n) != n)
        err(1, "write");
    return n;
}

// Until the program has ended and all that it printed is read. Returns its
// status as waitpid() does.
static int sit_before(int master, pid_t pid)
{
    struct pollfd fds[] = {{.fd = master, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    int status;
    bool ended = false;
    for (;;) {
        ended = ended || waitpid(pid, &status, WNOHANG) == pid;
        int n = poll(fds, 2, ended ? 0 : TICK);
        if (resized) {
            resized = 0;
            window.ws_col /= 2;
            ioctl(master, TIOCSWINSZ, &window);
        }
        if (n > 0 && fds[0].revents != 0)
            copy(master, STDOUT_FILENO);
        if (n > 0 && fds[1].revents != 0 && copy(STDIN_FILENO, master) <= 0)
            fds[1].fd = -1;
        if (ended && (n <= 0 || fds[0].revents == 0))
            return status;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(1, "usage: pty columns program [argument...]");
    window.ws_col = (unsigned short)strtol(argv[1], NULL, 10);
    alarm(LIFETIME);
    struct sigaction action = {.sa_handler = on_resize};
    sigaction(SIGWINCH, &action, NULL);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        err(1, "posix_openpt");
    // Held open, to look at the terminal's mode when the program has ended.
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct termios before;
    if (slave < 0 || ioctl(master, TIOCSWINSZ, &window) < 0 ||
        tcgetattr(slave, &before) < 0)
        err(1, "terminal");
    pid_t pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        close(master);
        run(slave, argv + 2);
    }
    fprintf(stderr, "pid %d\n", (int)pid);
    int status = sit_before(master, pid);
    struct termios after;
    if (tcgetattr(slave, &after) < 0)
        err(1, "tcgetattr");
    bool same = before.c_lflag == after.c_lflag &&
                before.c_iflag == after.c_iflag &&
                before.c_oflag == after.c_oflag;
    printf("[terminal %s]\n", same ? "restored" : "changed");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
