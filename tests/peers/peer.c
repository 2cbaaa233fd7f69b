// A peer for the tests: it does to a server or a client what bash's /dev/tcp
// can't: half-close, reset, refuse to read, listen, come in crowds.
//
//   peer talk PORT          sends stdin, half-closes, prints all that comes
//   peer deaf PORT          prints the first line, then never reads again
//   peer jam PORT LINE      sends LINE until nothing is taken any more, and
//                           never reads; prints "jammed after N lines"
//   peer churn PORT COUNT   COUNT times: connects, sends a line and a half,
//                           waits for a line, closes; prints the last one
//   peer crowd PORT COUNT   COUNT connections at once; prints when all are
//                           there, and when each has got a line
//   peer serve              prints its port, then is the server of one client:
//                           sends stdin, prints all that comes
//   peer serve-late         the same, but reads nothing until stdin has ended
//   peer serve-reset        the same, but at the end of what comes it resets
//                           the connection
//   peer serve-mute         the same, but it reads nothing, and only
//                           half-closes when stdin ends
//   peer frozen-terminal PROGRAM ARGUMENT
//                           becomes the program; its stderr is a terminal that
//                           nobody reads from
//   peer mute PROGRAM ARGUMENT
//                           becomes the program; its stderr is a socket that
//                           is full and that nobody reads
//
// deaf, jam and crowd then wait for the end of stdin: deaf and crowd close,
// jam resets its connection. Nothing lasts longer than LIFETIME; nor does
// churn wait for one answer longer than PATIENCE seconds, if that is set.

#define _GNU_SOURCE // posix_openpt(); macOS and the BSDs have it without

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum {
    LIFETIME = 60, // s
};

// Copies once from one descriptor to the other. Returns false at the end.
static bool copy(int from, int to)
{
    char data[CHUNK];
    ssize_t n = read(from, data, sizeof(data));
    if (n <= 0)
        return false;
    if (to == STDOUT_FILENO)
        return write(to, data, n) == n;
    return send_all(to, data, n);
}

// Sends what is taken at once. Returns how much that is; all, if the peer is
// gone.
static size_t send_part(int fd, const char *data, size_t length)
{
    ssize_t n = send(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN ? 0 : length;
    return n;
}

// Copies stdin to the connection and the connection to stdout, until the peer
// closes. At the end of stdin: half-closes, or closes at once. It reads also
// while it can't send: else the two could wait for each other.
static void relay(int fd, bool half_close)
{
    char data[CHUNK]; // from stdin, of which so much is to be sent
    size_t start = 0;
    size_t end = 0;
    bool ended = false;
    for (;;) {
        bool full = start < end;
        struct pollfd fds[] = {
            {.fd = fd, .events = full ? POLLIN | POLLOUT : POLLIN},
            {.fd = full || ended ? -1 : STDIN_FILENO, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0)
            err(1, "poll");
        if (fds[0].revents & ~POLLOUT && !copy(fd, STDOUT_FILENO))
            return;
        if (fds[0].revents & POLLOUT)
            start += send_part(fd, data + start, end - start);
        if (fds[1].revents == 0)
            continue;
        ssize_t n = read(STDIN_FILENO, data, sizeof(data));
        start = 0;
        end = n > 0 ? n : 0;
        ended = n <= 0;
        if (ended && !half_close)
            return;
        if (ended)
            shutdown(fd, SHUT_WR);
    }
}

static void talk(char **arguments)
{
    relay(connect_to(arguments[0], false), true);
}

static void deaf(char **arguments)
{
    int fd = connect_to(arguments[0], true);
    char line[256];
    if (read_line(fd, line, sizeof(line)))
        puts(line);
    wait_for_stdin_to_end();
    close(fd);
}

static void jam(char **arguments)
{
    int fd = connect_to(arguments[0], true);
    char line[CHUNK / 2];
    snprintf(line, sizeof(line), "%s\n", arguments[1]);
    printf("jammed after %zu lines\n", congest(fd, line) / strlen(line));
    wait_for_stdin_to_end();
    reset(fd);
}

static void churn(char **arguments)
{
    long count = parse_count(arguments[1]);
    char line[256];
    char text[200];
    size_t length = snprintf(text, sizeof(text), "hello\n%190d", 0);
    for (long i = 0; i < count; i++) {
        alarm((unsigned)patience_or(LIFETIME));
        int fd = connect_to(arguments[0], false);
        if (!send_all(fd, text, length) || !read_line(fd, line, sizeof(line)))
            errx(1, "connection %ld was not served", i + 1);
        close(fd);
    }
    if (count > 0)
        puts(line);
}

static void crowd(char **arguments)
{
    long count = parse_count(arguments[1]);
    int *fds = calloc(count, sizeof(*fds));
    if (fds == NULL)
        err(1, "calloc");
    for (long i = 0; i < count; i++)
        fds[i] = connect_to(arguments[0], false);
    puts("all connected");
    fflush(stdout);
    char line[256];
    for (long i = 0; i < count; i++) {
        if (!read_line(fds[i], line, sizeof(line)))
            errx(1, "connection %ld got no line", i + 1);
        puts(line);
    }
    puts("all here");
    wait_for_stdin_to_end();
    for (long i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
}

// Listens on a free port, says on which, and returns the first connection.
static int accept_one(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback("0");
    socklen_t size = sizeof(address);
    if (listener < 0 ||
        bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        err(1, "listen");
    printf("Listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        err(1, "accept");
    return fd;
}

static void serve(char **arguments)
{
    (void)arguments;
    relay(accept_one(), false);
}

static void serve_late(char **arguments)
{
    (void)arguments;
    int fd = accept_one();
    while (copy(STDIN_FILENO, fd))
        ;
    while (copy(fd, STDOUT_FILENO))
        ;
}

static void serve_reset(char **arguments)
{
    (void)arguments;
    int fd = accept_one();
    while (copy(fd, STDOUT_FILENO))
        ;
    reset(fd);
}

static void serve_mute(char **arguments)
{
    (void)arguments;
    int fd = accept_one();
    while (copy(STDIN_FILENO, fd))
        ;
    shutdown(fd, SHUT_WR);
    pause();
}

static void frozen_terminal(char **arguments)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        err(1, "posix_openpt");
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (terminal < 0)
        err(1, "%s", ptsname(master));
    dup2(terminal, STDERR_FILENO); // the master stays open, too
    execv(arguments[0], arguments);
}

static void mute(char **arguments)
{
    int sockets[2]; // the other one stays open, too
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
        err(1, "socketpair");
    while (send(sockets[0], "x", 1, MSG_DONTWAIT) == 1)
        ;
    dup2(sockets[0], STDERR_FILENO);
    execv(arguments[0], arguments);
}

static const struct verb verbs[] = {
    {"talk", 1, talk},
    {"deaf", 1, deaf},
    {"jam", 2, jam},
    {"churn", 2, churn},
    {"crowd", 2, crowd},
    {"serve", 0, serve},
    {"serve-late", 0, serve_late},
    {"serve-reset", 0, serve_reset},
    {"serve-mute", 0, serve_mute},
    {"frozen-terminal", 2, frozen_terminal},
    {"mute", 2, mute},
    {NULL, 0, NULL},
};

int main(int argc, char **argv)
{
    alarm(LIFETIME);
    run_verb(verbs, argc, argv);
    return 0;
}
