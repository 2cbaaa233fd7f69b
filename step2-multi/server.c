// Step 2, multi: a thread for each client, so that nobody waits for another.

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096, // bytes; a line has to fit
    ADDRESS_SIZE = 64, // bytes: an address and a port as text
};

struct client {
    int fd;
    size_t start; // of what next_line has not taken yet
    size_t end;
    char buffer[BUFFER_SIZE];
};

// Returns text as a number from min to max, or ends the program; name is what
// the user knows it by.
static long parse_argument(const char *name, const char *text, long min,
                           long max)
{
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10);
    if (digits == 0 || text[digits] != '\0' || number < min || number > max)
        errx(1, "%s %s: expected a number from %ld to %ld", name, text, min,
             max);
    return number;
}

static void set_option(int fd, int level, int name, int value)
{
    if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
        err(1, "setsockopt");
}

// Returns a socket that listens on host and port; with port 0 the kernel
// picks a free one. Ends the program when that fails.
static int listen_on(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    int error = getaddrinfo(host, port, &hints, &address);
    if (error != 0)
        errx(1, "%s: %s", host, gai_strerror(error));
    int listener = socket(address->ai_family, SOCK_STREAM, 0);
    if (listener < 0)
        err(1, "socket");
    // Without it the port of a server that has just ended stays taken while
    // its connections are in TIME_WAIT (socket(7)).
    set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(listener, address->ai_addr, address->ai_addrlen) < 0)
        err(1, "%s:%s", host, port);
    if (listen(listener, SOMAXCONN) < 0)
        err(1, "listen");
    freeaddrinfo(address);
    return listener;
}

// Writes the address, size bytes, and its port to text, ADDRESS_SIZE bytes,
// and returns it; an IPv6 address stands in brackets.
static char *format_address(const struct sockaddr_storage *address,
                            socklen_t size, char *text)
{
    char host[ADDRESS_SIZE - sizeof("[]:65535")];
    char port[sizeof("65535")];
    if (getnameinfo((const struct sockaddr *)address, size, host, sizeof(host),
                    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return strcpy(text, "unknown address");
    const char *format = strchr(host, ':') ? "[%s]:%s" : "%s:%s";
    snprintf(text, ADDRESS_SIZE, format, host, port);
    return text;
}

// Tells the user, and whoever started us with port 0, where to connect.
static void announce(int listener)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    if (getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        err(1, "getsockname");
    char text[ADDRESS_SIZE];
    printf("Listening on %s\n", format_address(&address, size, text));
}

// Reads once into the free part of the client's buffer. Returns what read()
// does: the number of bytes; 0 at the end of the stream, or if the buffer has
// no room; -1 on an error.
static ssize_t receive(struct client *c)
{
    ssize_t n = read(c->fd, c->buffer + c->end, BUFFER_SIZE - c->end);
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
    if (newline == NULL) {
        c->end -= c->start;
        c->start = 0;
        memmove(c->buffer, line, c->end);
        return NULL;
    }
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

static void *client_thread(void *arg)
{
    struct client *c = arg;
    serve_client(c);
    return NULL;
}

// Starts a thread that serves the client; takes over fd.
static void start_client(int fd)
{
    struct client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        err(1, "calloc");
    c->fd = fd;
    pthread_t thread;
    errno = pthread_create(&thread, NULL, client_thread, c);
    if (errno != 0)
        err(1, "pthread_create");
    pthread_detach(thread);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        errx(1, "usage: server [port]");
    const char *port = argc > 1 ? argv[1] : "8081";
    parse_argument("port", port, 0, 65535);
    // A line shows at once, also when stdout is a pipe or a file.
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = listen_on("127.0.0.1", port);
    announce(listener);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            err(1, "accept");
        start_client(fd);
    }
}
