// A peer for the tests: it does to a server or a client what bash's /dev/tcp
// can't: half-close, reset, refuse to read, listen, come in crowds.
//
//   peer talk PORT          sends stdin, half-closes, prints all that comes
//   peer deaf PORT          prints the first line, then never reads again
//   peer jam PORT LINE      sends LINE until nothing is taken any more, and
//                           never reads; prints "jammed after N lines"
//   peer churn PORT COUNT   COUNT times: connects, sends a line, waits for a
//                           line, closes; the last answer is printed
//   peer crowd PORT COUNT   COUNT connections at once; prints when each has
//                           got a line
//   peer serve              prints its port, then is the server of one client:
//                           sends stdin, prints all that comes
//   peer serve late         the same, but reads nothing until stdin has ended
//   peer mute PROGRAM [ARGUMENT...]
//                           becomes the program; its stderr is a socket that
//                           is full and that nobody reads
//
// deaf, jam and crowd then wait for the end of stdin: deaf and crowd close,
// jam resets its connection. Nothing lasts longer than LIFETIME; nor does
// churn wait for one answer longer than PATIENCE seconds, if that is set.

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LIFETIME = 60, // s
    QUIET = 300, // ms without progress after which a connection is jammed
    CHUNK = 64 * 1024, // bytes
};

static struct sockaddr_in loopback(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((in_port_t)strtol(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return address;
}

// With a small receive buffer the peer soon takes no more, as little fits into
// the kernel.
static int connect_to(const char *port, bool small)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "socket");
    int size = 4096;
    if (small &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
        err(1, "setsockopt");
    struct sockaddr_in address = loopback(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "connect");
    return fd;
}

// Sends all of data; an error is the test's business, not ours.
static bool send_all(int fd, const char *data, size_t length)
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

// Reads up to a newline, byte by byte. Returns false at the end of the stream.
static bool read_line(int fd, char *line, size_t size)
{
    size_t length = 0;
    while (length < size - 1 && read(fd, line + length, 1) == 1)
        if (line[length++] == '\n')
            break;
    line[length] = '\0';
    return length > 0;
}

static void wait_for_stdin_to_end(void)
{
    fflush(stdout);
    char scrap[256];
    while (read(STDIN_FILENO, scrap, sizeof(scrap)) > 0)
        ;
}

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

// Copies stdin to the connection and the connection to stdout, until the peer
// closes. At the end of stdin: half-closes, or closes at once.
static void relay(int fd, bool half_close)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    while (poll(fds, 2, -1) > 0) {
        if (fds[0].revents != 0 && !copy(fd, STDOUT_FILENO))
            return;
        if (fds[1].revents != 0 && !copy(STDIN_FILENO, fd)) {
            if (!half_close)
                return;
            shutdown(fd, SHUT_WR);
            fds[1].fd = -1;
        }
    }
}

static void deaf(const char *port)
{
    int fd = connect_to(port, true);
    char line[256];
    if (read_line(fd, line, sizeof(line)))
        fputs(line, stdout);
    wait_for_stdin_to_end();
    close(fd);
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

static void jam(const char *port, const char *text)
{
    int fd = connect_to(port, true);
    char lines[CHUNK];
    size_t length = 0;
    int size = 0;
    while ((size = snprintf(lines + length, CHUNK - length, "%s\n", text)) <
           (int)(CHUNK - length))
        length += size;
    size_t at = 0;
    size_t sent = 0;
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    while (poll(&out, 1, QUIET) == 1) {
        ssize_t n =
            send(fd, lines + at, length - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            break;
        if (n > 0) {
            at = (at + n) % length;
            sent += n;
        }
    }
    printf("jammed after %zu lines\n", sent / (strlen(text) + 1));
    wait_for_stdin_to_end();
    reset(fd);
}

static int churn(const char *port, long count)
{
    const char *patience = getenv("PATIENCE");
    char line[256] = "";
    for (long i = 0; i < count; i++) {
        alarm(patience != NULL ? atoi(patience) : LIFETIME);
        int fd = connect_to(port, false);
        if (!send_all(fd, "hello\n", 6) || !read_line(fd, line, sizeof(line)))
            errx(1, "connection %ld was not served", i + 1);
        close(fd);
    }
    fputs(line, stdout);
    return 0;
}

static void crowd(const char *port, long count)
{
    int *fds = calloc(count, sizeof(*fds));
    if (fds == NULL)
        err(1, "calloc");
    for (long i = 0; i < count; i++)
        fds[i] = connect_to(port, false);
    char line[256];
    for (long i = 0; i < count; i++) {
        if (!read_line(fds[i], line, sizeof(line)))
            errx(1, "connection %ld got no line", i + 1);
        fputs(line, stdout);
    }
    printf("all here\n");
    wait_for_stdin_to_end();
    for (long i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
}

static void serve(bool late)
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
    if (late) {
        while (copy(STDIN_FILENO, fd))
            ;
        while (copy(fd, STDOUT_FILENO))
            ;
    } else {
        relay(fd, false);
    }
}

static void mute(char **argv)
{
    int sockets[2]; // the other one stays open, too
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
        err(1, "socketpair");
    while (send(sockets[0], "x", 1, MSG_DONTWAIT) == 1)
        ;
    dup2(sockets[0], STDERR_FILENO);
    execv(argv[0], argv);
}

int main(int argc, char **argv)
{
    alarm(LIFETIME);
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "serve") == 0 && argc == 2)
        serve(false);
    else if (strcmp(verb, "serve") == 0 && strcmp(argv[2], "late") == 0)
        serve(true);
    else if (strcmp(verb, "talk") == 0 && argc == 3)
        relay(connect_to(argv[2], false), true);
    else if (strcmp(verb, "deaf") == 0 && argc == 3)
        deaf(argv[2]);
    else if (strcmp(verb, "jam") == 0 && argc == 4)
        jam(argv[2], argv[3]);
    else if (strcmp(verb, "churn") == 0 && argc == 4)
        return churn(argv[2], strtol(argv[3], NULL, 10));
    else if (strcmp(verb, "crowd") == 0 && argc == 4)
        crowd(argv[2], strtol(argv[3], NULL, 10));
    else if (strcmp(verb, "mute") == 0 && argc > 2)
        mute(argv + 2);
    else
        errx(1, "unknown command: see the head of peer.c");
    return 0;
}
