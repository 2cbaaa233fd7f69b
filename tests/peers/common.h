// What the programs that play a client have in common. Ports are text, as they
// come from the command line. Where nothing else is said, an error ends the
// program with a message and status 1.

#ifndef COMMON_H
#define COMMON_H

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    QUIET = 300, // ms without progress after which nothing is taken any more
    CHUNK = 64 * 1024, // bytes
};

// Returns how many seconds to wait for an answer: what PATIENCE in the
// environment says, or else the usual time.
static inline int patience_or(int usual)
{
    const char *seconds = getenv("PATIENCE");
    return seconds != NULL ? atoi(seconds) : usual;
}

// One thing that a program can do: its name on the command line, and how many
// arguments come behind that.
struct verb {
    const char *name;
    int arguments;
    void (*run)(char **arguments);
};

// Does what the command line says. The verbs end with one without a name.
static inline void run_verb(const struct verb *verbs, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (const struct verb *v = verbs; v->name != NULL; v++) {
        if (strcmp(name, v->name) == 0 && argc == v->arguments + 2) {
            v->run(argv + 2);
            return;
        }
    }
    errx(1, "unknown command: see the head of its source");
}

static inline long parse_count(const char *text)
{
    char *end;
    long count = strtol(text, &end, 10);
    if (count < 0 || end == text || *end != '\0')
        errx(1, "%s: expected a number", text);
    return count;
}

static inline struct sockaddr_in loopback(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((in_port_t)parse_count(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return address;
}

// Returns a connection to the server. With a small receive buffer little fits
// into the kernel, and the peer soon takes no more.
static inline int connect_to(const char *port, bool small)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "socket");
    int size = 4096;
    if (small &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
        err(1, "setsockopt");
    // Else the second of two pieces waits for the first to be acknowledged.
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        err(1, "setsockopt");
    struct sockaddr_in address = loopback(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "connect");
    return fd;
}

// From now on a read that waits that long fails with EAGAIN.
static inline void limit_patience(int fd, int seconds)
{
    struct timeval patience = {.tv_sec = seconds};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) <
        0)
        err(1, "setsockopt");
}

// Returns false when the connection is gone.
static inline bool send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
        if (n < 0)
            return false;
        data += n;
        length -= n;
    }
    return true;
}

// Repeats line in CHUNK bytes of memory, as often as it fits. Returns how many
// bytes that are.
static inline size_t repeat(char *lines, const char *line)
{
    size_t size = strlen(line);
    size_t length = 0;
    for (; length + size <= CHUNK; length += size)
        memcpy(lines + length, line, size);
    return length;
}

// Sends as much of the endless repetition of lines as is taken at once; sent
// is how much of it was before. Returns how much that is, or -1 when the
// connection is gone.
static inline ssize_t send_some(int fd, const char *lines, size_t length,
                                size_t sent)
{
    size_t at = sent % length;
    ssize_t n = send(fd, lines + at, length - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 && errno == EAGAIN ? 0 : n;
}

// Sends line over and over and reads nothing, until nothing more is taken.
// Returns how many bytes were.
static inline size_t congest(int fd, const char *line)
{
    char lines[CHUNK];
    size_t length = repeat(lines, line);
    size_t sent = 0;
    ssize_t n = 0;
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    while (n >= 0 && poll(&out, 1, QUIET) == 1) {
        n = send_some(fd, lines, length, sent);
        sent += n > 0 ? n : 0;
    }
    return sent;
}

// Reads a line byte by byte, so that what follows is still there, and drops
// its newline. Returns false if the stream ends before.
static inline bool read_line(int fd, char *line, size_t size)
{
    for (size_t length = 0; length < size; length++) {
        if (read(fd, line + length, 1) != 1)
            return false;
        if (line[length] == '\n') {
            line[length] = '\0';
            return true;
        }
    }
    errx(1, "got a line of more than %zu bytes", size);
}

// Closes the connection so that the other end gets an error, not the end.
static inline void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

static inline void wait_for_stdin_to_end(void)
{
    fflush(stdout);
    char scrap[256];
    while (read(STDIN_FILENO, scrap, sizeof(scrap)) > 0)
        ;
}

#endif
