// Steps 5 and 6: "2 some text" reaches client 2, and no other.

#include <err.h>
#include <errno.h>
#include <netdb.h>
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
    ADDRESS_SIZE = 64, // bytes: an address and a port as text
    MAX_CLIENTS = 1024,
    MAX_DIGITS = 10, // of a number in a line
};

struct client {
    int fd;
    long long number; // counts the connections from 0; no two have the same
    bool lost; // a write failed: nothing more is sent to it
    size_t start; // of what next_line has not taken yet
    size_t end;
    char buffer[BUFFER_SIZE];
};

static struct {
    pthread_mutex_t lock;
    long long next_number;
    struct client *clients[MAX_CLIENTS];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

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
// shut down: receive() then returns 0 to the thread that owns the client, and
// only the owner closes it.
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

// Reads once into the free part of the client's buffer. Returns what read()
// does: the number of bytes; 0 at the end of the stream, or if the buffer has
// no room; -1 on an error.
static ssize_t receive(struct client *c)
{
    ssize_t n = read(c->fd, c->buffer + c->end, BUFFER_SIZE - c->end);
    if (n < 0 && errno == EINTR)
        return receive(c);
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
    if (newline == NULL) {
        c->end -= c->start;
        c->start = 0;
        memmove(c->buffer, line, c->end);
        return NULL;
    }
    c->start = newline + 1 - c->buffer;
    // telnet ends its lines with "\r\n".
    char *end = newline > line && newline[-1] == '\r' ? newline - 1 : newline;
    *end = '\0';
    return line;
}

// Gives the client its number and a place in the pool. Returns false when the
// pool is full.
// Caller must hold pool.lock.
static bool add_client(struct client *c)
{
    if (pool.next_number == MAX_CLIENTS)
        return false;
    c->number = pool.next_number++;
    pool.clients[c->number] = c;
    return true;
}

// Caller must hold pool.lock.
static void remove_client(struct client *c)
{
    pool.clients[c->number] = NULL;
}

// Returns NULL when nobody has the number.
// Caller must hold pool.lock.
static struct client *find_client(long long number)
{
    return number < MAX_CLIENTS ? pool.clients[number] : NULL;
}

// Reads "<number> <text>": 1 to 10 digits, one space, at least one byte of
// text. Returns the text and sets *number, or returns NULL if the line does
// not read so. "007" is 7; a second space belongs to the text.
static const char *parse_number(const char *line, long long *number)
{
    const char *p = line;
    *number = 0;
    while (*p >= '0' && *p <= '9' && p - line < MAX_DIGITS)
        *number = *number * 10 + (*p++ - '0');
    if (p == line || p[0] != ' ' || p[1] == '\0')
        return NULL;
    return p + 1;
}

// Caller must hold pool.lock.
static void handle_line(struct client *c, const char *line)
{
    printf("Message received: %s\n", line);
    long long number;
    const char *text = parse_number(line, &number);
    if (text == NULL) {
        send_line(c, "error: expected \"<number> <text>\"");
        return;
    }
    struct client *to = find_client(number);
    if (to == NULL)
        send_line(c, "error: client %lld is not connected", number);
    else
        send_line(to, "%lld->> %s", c->number, text);
}

static void serve_client(struct client *c)
{
    while (receive(c) > 0) {
        char *line;
        while ((line = next_line(c)) != NULL) {
            pthread_mutex_lock(&pool.lock);
            handle_line(c, line);
            pthread_mutex_unlock(&pool.lock);
        }
    }
}

// Whoever finds the client holds pool.lock, so that it can't vanish meanwhile.
static void close_client(struct client *c)
{
    pthread_mutex_lock(&pool.lock);
    remove_client(c);
    pthread_mutex_unlock(&pool.lock);
    close(c->fd);
    free(c);
}

static void *client_thread(void *arg)
{
    struct client *c = arg;
    serve_client(c);
    close_client(c);
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
    pthread_mutex_lock(&pool.lock);
    bool added = add_client(c);
    if (added)
        send_line(c, "Your number is %lld", c->number);
    else
        send_line(c, "error: server is full");
    pthread_mutex_unlock(&pool.lock);
    if (!added) {
        close(fd);
        free(c);
        return;
    }
    pthread_t thread;
    errno = pthread_create(&thread, NULL, client_thread, c);
    if (errno != 0) {
        warn("pthread_create");
        close_client(c);
        return;
    }
    pthread_detach(thread);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        errx(1, "usage: server [port]");
    const char *port = argc > 1 ? argv[1] : "8081";
    parse_argument("port", port, 0, 65535);
    // A write to a closed connection is then an error, not a deadly signal.
    signal(SIGPIPE, SIG_IGN);
    // A line shows at once, also when stdout is a pipe or a file.
    setvbuf(stdout, NULL, _IOLBF, 0);
    int listener = listen_on("127.0.0.1", port);
    announce(listener);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            warn("accept");
            continue;
        }
        start_client(fd);
    }
}
