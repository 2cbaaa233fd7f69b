// Step 1, echo: the server sends each line back to the client it came from.

#include <err.h>
#include <netinet/in.h>
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

// Reads once, behind what is left of an unfinished line. Returns what read()
// does, and so 0 at the end of the stream, or if the buffer has no room.
static ssize_t receive(struct client *c)
{
    c->end -= c->start;
    memmove(c->buffer, c->buffer + c->start, c->end);
    c->start = 0;
    char *room = c->buffer + c->end;
    ssize_t n = read(c->fd, room, c->buffer + BUFFER_SIZE - room);
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
    dprintf(c->fd, "%s\n", line);
}

static void serve_client(struct client *c)
{
    for (;;) {
        receive(c);
        char *line;
        while ((line = next_line(c)) != NULL)
            handle_line(c, line);
    }
}

int main(int argc, char **argv)
{
    if (argc > 2)
        errx(1, "usage: server [port]");
    in_port_t port = argc > 1 ? parse_port(argv[1]) : 8081;
    // A line shows at once, also when stdout is a pipe or a file.
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = listen_on(port);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            err(1, "accept");
        struct client c = {.fd = fd};
        serve_client(&c);
    }
}
