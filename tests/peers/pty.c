// Runs a program on a terminal of its own (a pseudo-terminal) and is whoever
// sits before it: what comes on stdin is typed, what appears is printed.
//
//   pty COLUMNS PROGRAM [ARGUMENT...]
//
// SIGWINCH halves the width of the terminal. At the end of stdin it goes on
// until the program ends. Then it prints whether the terminal echoes and edits
// lines again, as it did before, and ends with the program's status, which is
// 128 + the signal's number if it was a signal.

#define _GNU_SOURCE // posix_openpt(); macOS and the BSDs have it without

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "pty.h"

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
    struct pty pty = start_on_pty(&window, argv + 2);
    fprintf(stderr, "pid %d\n", (int)pty.pid);
    int status = sit_before(pty.master, pty.pid);
    printf("[terminal %s]\n", is_restored(&pty) ? "restored" : "changed");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
