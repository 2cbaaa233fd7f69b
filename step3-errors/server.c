// Step 3, errors: what goes wrong with a client ends that client, no other.

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096, // bytes; a line has to fit
    BACKLOG = 4096, // connections; the kernel has a limit of its own
};

struct client {
    int fd;
    bool lost; // a write failed: nothing more is sent to it
    size_t start; // of what next_line has not taken yet
    size_t end;
    char buffer[BUFFER_SIZE];
};

static in_port_t parse_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = strtol(text, NULL, 10);
    if (digits == 0 || text[digits] != '\0' || port > 65535)
        errx(1, "port %s: expected a number from 0 to 65535", text);
    return (in_port_t)port;
}

// Returns a socket that listens on the loopback address, and says on which
// port: 0 lets the kernel pick a free one. Ends the program if that fails.
static int listen_on(in_port_t port)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        err(1, "socket");
    if (listener <= STDERR_FILENO) // a client could get the place of stdout
        errx(1, "stdin, stdout or stderr is closed");
    // Else the port stays taken while old connections are in TIME_WAIT.
    int on = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        err(1, "setsockopt");
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener, (struct sockaddr *)&address, size) < 0)
        err(1, "127.0.0.1:%d", port);
    if (listen(listener, BACKLOG) < 0)
        err(1, "listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        err(1, "getsockname");
    printf("Listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return listener;
}

// Writes all of data: one write() may take less than it is given, or be
// interrupted by a signal (write(2)). Returns 0, or -1 with errno set.
static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        length -= n;
    }
    return 0;
}

// Sends one line, as printf() formats it. If that fails, the connection is
// shut down: receive() then returns 0 to the owner, which alone closes it.
__attribute__((format(printf, 2, 3))) static void
send_line(struct client *c, const char *format, ...)
{
    char line[BUFFER_SIZE + 64]; // the longest text and what goes around it
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    line[length++] = '\n';
    if (!c->lost && write_all(c->fd, line, length) < 0) {
        warn("write");
        c->lost = true;
        shutdown(c->fd, SHUT_RDWR);
    }
}

// Reads once, behind what is left of an unfinished line. Returns what read()
// does, and so 0 at the end of the stream, or if the buffer has no room.
static ssize_t receive(struct client *c)
{
    c->end -= c->start;
    memmove(c->buffer, c->buffer + c->start, c->end);
    c->start = 0;
    char *room = c->buffer + c->end;
    ssize_t n = read(c->fd, room, c->buffer + BUFFER_SIZE - room);
    while (n < 0 && errno == EINTR) // a signal came meanwhile
        n = read(c->fd, room, c->buffer + BUFFER_SIZE - room);
    if (n < 0)
        warn("read");
    if (n > 0)
        c->end += n;
    return n;
}

// Takes the next whole line out of the buffer. TCP is a stream: a line may
// come in pieces, and several may come at once. Returns it without its
// newline, valid until the next receive(), or NULL when there is none yet.
static char *next_line(struct client *c)
{
    char *line = c->buffer + c->start;
    char *newline = memchr(line, '\n', c->end - c->start);
    if (newline == NULL)
        return NULL;
    c->start = newline + 1 - c->buffer;
    *newline = '\0';
    return line;
}

static void handle_line(struct client *c, const char *line)
{
    printf("Message received: %s\n", line);
    send_line(c, "%s", line);
}

static void serve_client(struct client *c)
{
    while (receive(c) > 0) {
        char *line;
        while ((line = next_line(c)) != NULL)
            handle_line(c, line);
    }
}

static void *client_thread(void *arg)
{
    struct client *c = arg;
    serve_client(c);
    close(c->fd);
    free(c);
    return NULL;
}

// Starts a thread that serves the client; takes over fd.
static void start_client(int fd)
{
    struct client *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        warn("calloc");
        close(fd);
        return;
    }
    c->fd = fd;
    pthread_t thread;
    errno = pthread_create(&thread, NULL, client_thread, c);
    if (errno != 0) {
        warn("pthread_create");
        close(fd);
        free(c);
        return;
    }
    pthread_detach(thread);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        errx(1, "usage: server [port]");
    in_port_t port = argc > 1 ? parse_port(argv[1]) : 8081;
    // A write to a closed connection is then an error, not a deadly signal.
    signal(SIGPIPE, SIG_IGN);
    // A line shows at once, also when stdout is a pipe or a file.
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = listen_on(port);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            warn("accept");
        else
            start_client(fd);
    }
}
