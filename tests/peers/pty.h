// Runs a program on a terminal of its own (a pseudo-terminal), as a session's
// leader, as xterm does.

#ifndef PTY_H
#define PTY_H

#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct pty {
    int master; // to type, and to see what appears
    int slave; // the program's; held open, to look at the terminal's settings
    pid_t pid;
    struct termios before;
};

static inline void run_on(int terminal, char **argv)
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

static inline struct pty start_on_pty(const struct winsize *window,
                                      char **argv)
{
    struct pty pty = {.master = posix_openpt(O_RDWR | O_NOCTTY)};
    if (pty.master < 0 || grantpt(pty.master) < 0 || unlockpt(pty.master) < 0)
        err(1, "posix_openpt");
    pty.slave = open(ptsname(pty.master), O_RDWR | O_NOCTTY);
    if (pty.slave < 0 || ioctl(pty.master, TIOCSWINSZ, window) < 0 ||
        tcgetattr(pty.slave, &pty.before) < 0)
        err(1, "terminal");
    pty.pid = fork();
    if (pty.pid < 0)
        err(1, "fork");
    if (pty.pid == 0) {
        close(pty.master);
        run_on(pty.slave, argv);
    }
    return pty;
}

// Whether the terminal echoes, edits lines and so on as it did at the start.
static inline bool is_restored(const struct pty *pty)
{
    struct termios now;
    if (tcgetattr(pty->slave, &now) < 0)
        err(1, "tcgetattr");
    return now.c_lflag == pty->before.c_lflag &&
           now.c_iflag == pty->before.c_iflag &&
           now.c_oflag == pty->before.c_oflag;
}

#endif
