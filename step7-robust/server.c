// Step 7, robust: one thread serves all clients and waits for none of them.
#define _GNU_SOURCE // accept4()

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4096, // bytes; a line has to fit
    MAX_LINE = 250, // bytes, without the line end
    MAX_OUTBOX = 1024 * 1024, // bytes
    ADDRESS_SIZE = 64, // bytes: an address and a port as text
    MAX_FILES = 1000 * 1000, // descriptors, where the system sets no limit
    SPARE_FILES = 32, // descriptors, of these, that are not for clients
    MAX_DIGITS = 10, // of a number in a line
    MAX_EVENTS = 16, // in a turn of the loop, and as many newcomers
    ACCEPT_PAUSE = 100, // ms, when there is no descriptor for a newcomer
    PEER_TIMEOUT = 60, // s that a peer may be dead, or take nothing
    DRAIN_TIME = 2, // s for the last lines when the server ends
    MAX_LOG = 100, // lines a second
};

struct client {
    int fd;
    long long number; // counts the connections from 0; no two have the same
    char prefix[MAX_DIGITS + sizeof("->> ")]; // of what it sends to others
    char address[ADDRESS_SIZE];
    uint32_t events; // that epoll watches for
    bool dirty; // in the list of those to look after when the turn ends
    struct client *next_dirty;
    bool leaves; // it is closed once its outbox is empty
    char *outbox; // NULL when nothing waits there
    size_t waiting; // bytes
    size_t capacity;
    size_t start; // of what next_line has not taken yet
    size_t end;
    char *buffer; // NULL when nothing is in it
};

static struct {
    int epoll;
    int listener;
    int signals;
    int pause; // ms until the backlog is looked at; -1: when epoll says so
    clock_t deadline; // of the end, on times()'s clock; 0: no end is near
    size_t count; // of clients
    size_t limit; // of count
    size_t slots; // twice the limit, so that a free one is always near
    long long next_number;
    struct client **clients; // by number % slots
    struct client *dirty;
} pool = {.pause = -1};

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
    int listener = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener < 0)
        err(1, "socket");
    // Without it the port of a server that has just ended stays taken while
    // its connections are in TIME_WAIT (socket(7)).
    set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    // Accepted sockets inherit these (tcp(7)): they end when the peer is dead.
    set_option(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(listener, IPPROTO_TCP, TCP_KEEPIDLE, PEER_TIMEOUT / 2);
    set_option(listener, IPPROTO_TCP, TCP_KEEPINTVL, PEER_TIMEOUT / 6);
    set_option(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_TIMEOUT * 1000);
    set_option(listener, IPPROTO_TCP, TCP_NODELAY, 1);
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

// Logs one line, unless it would have to wait for whoever reads the log, or
// there are too many. What a peer has sent is never in it.
__attribute__((format(printf, 1, 2))) static void log_event(const char *format,
                                                            ...)
{
    static time_t second;
    static int lines;
    lines = second == time(NULL) ? lines + 1 : 1;
    second = time(NULL);
    if (lines > MAX_LOG)
        return;
    va_list args;
    va_start(args, format);
    vdprintf(STDERR_FILENO, format, args);
    va_end(args);
}

static void mark_dirty(struct client *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = pool.dirty;
    pool.dirty = c;
}

static void leave(struct client *c, const char *reason)
{
    mark_dirty(c);
    if (c->leaves)
        return;
    c->leaves = true;
    log_event("client %lld (%s) left: %s\n", c->number, c->address, reason);
}

static void drop(struct client *c, const char *reason)
{
    c->waiting = 0;
    leave(c, reason);
}

// Returns room in the outbox for size bytes, at most BUFFER_SIZE, or NULL.
static char *reserve(struct client *c, size_t size)
{
    if (c->waiting + size > c->capacity) {
        size_t capacity = c->capacity > 0 ? 2 * c->capacity : BUFFER_SIZE;
        char *outbox = realloc(c->outbox, capacity);
        if (outbox == NULL)
            return NULL;
        c->outbox = outbox;
        c->capacity = capacity;
    }
    mark_dirty(c);
    c->waiting += size;
    return c->outbox + c->waiting - size;
}

// Puts one line, as printf() formats it, into the outbox. It needs no limit: a
// client whose outbox is full is not read from, and so is not answered.
__attribute__((format(printf, 2, 3))) static void
send_line(struct client *c, const char *format, ...)
{
    char line[BUFFER_SIZE + 64]; // the longest text and what goes around it
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    line[length++] = '\n';
    char *room = reserve(c, length);
    if (room != NULL)
        memcpy(room, line, length);
    else
        drop(c, "out of memory");
}

// Returns false, and has done nothing, when there is no room for the text.
static bool deliver(struct client *to, const char *prefix, const char *text)
{
    size_t size = strlen(prefix) + strlen(text) + 1;
    char *room = to->waiting + size > MAX_OUTBOX ? NULL : reserve(to, size);
    if (room != NULL)
        *stpcpy(stpcpy(room, prefix), text) = '\n';
    return room != NULL;
}

// Reads once into the free part of the client's buffer. Returns what read()
// does: the number of bytes; 0 at the end of the stream, or if the buffer has
// no room; -1 on an error.
static ssize_t receive(struct client *c)
{
    if (c->buffer == NULL && (c->buffer = malloc(BUFFER_SIZE)) == NULL) {
        drop(c, "out of memory");
        return -1;
    }
    ssize_t n = read(c->fd, c->buffer + c->end, BUFFER_SIZE - c->end);
    if (n < 0 && errno == EINTR)
        return receive(c);
    if (n < 0 && errno != EAGAIN)
        drop(c, strerror(errno));
    if (n == 0)
        leave(c, "closed by the client");
    if (n > 0)
        c->end += n;
    return n;
}

// Makes '?' of each control character but tab: C0 and DEL, and C1, which is
// two bytes in UTF-8. They could steer the terminal of whoever reads the line.
static void mask_controls(char *text, const char *end)
{
    const uint64_t ones = 0x0101010101010101;
    for (char *p = text; p < end; p++) {
        uint64_t word; // eight bytes at once, while all are printable ASCII
        while (end - p > 8 && memcpy(&word, p, 8) &&
               !((word | (word + ones) | (word - ones * ' ')) & ones << 7))
            p += 8;
        unsigned char byte = *p;
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            *p = '?';
        if (byte == 0xc2 && p + 1 < end && (p[1] & 0xe0) == 0x80)
            p[0] = p[1] = '?';
    }
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
        if (c->end > MAX_LINE + 2)
            c->end = MAX_LINE + 2; // enough to see that it is too long
        if (c->end == 0) {
            free(c->buffer);
            c->buffer = NULL;
        }
        return NULL;
    }
    c->start = newline + 1 - c->buffer;
    // telnet ends its lines with "\r\n".
    char *end = newline > line && newline[-1] == '\r' ? newline - 1 : newline;
    mask_controls(line, end);
    *end = '\0';
    return line;
}

// Gives the client its number and a place in the pool. Returns false when the
// pool is full.
static bool add_client(struct client *c)
{
    while (pool.clients[pool.next_number % pool.slots] != NULL)
        pool.next_number++;
    c->number = pool.next_number++;
    pool.clients[c->number % pool.slots] = c;
    int n = snprintf(c->prefix, sizeof(c->prefix), "%lld->> ", c->number);
    return ++pool.count <= pool.limit && n < (int)sizeof(c->prefix);
}

static void remove_client(struct client *c)
{
    pool.clients[c->number % pool.slots] = NULL;
    pool.count--;
}

// Returns NULL when nobody has the number.
static struct client *find_client(long long number)
{
    struct client *c = pool.clients[number % pool.slots];
    return c && c->number == number && !c->leaves ? c : NULL;
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

static void handle_line(struct client *c, const char *line)
{
    if (strlen(line) > MAX_LINE) {
        send_line(c, "error: message is longer than %d bytes", MAX_LINE);
        return;
    }
    long long number;
    const char *text = parse_number(line, &number);
    if (text == NULL) {
        send_line(c, "error: expected \"<number> <text>\"");
        return;
    }
    struct client *to = find_client(number);
    if (to == NULL)
        send_line(c, "error: client %lld is not connected", number);
    else if (!deliver(to, c->prefix, text))
        send_line(c,
                  "error: client %lld is not reading, message not delivered",
                  number);
}

static void flush_outbox(struct client *c)
{
    ssize_t n = write(c->fd, c->outbox, c->waiting);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        drop(c, strerror(errno));
    if (n > 0) {
        c->waiting -= n;
        memmove(c->outbox, c->outbox + n, c->waiting);
    }
    if (c->waiting == 0) {
        free(c->outbox);
        c->outbox = NULL;
        c->capacity = 0;
    }
}

// EPOLLERR and EPOLLHUP come unasked; read() or write() then has the reason.
static void serve_client(struct client *c, uint32_t events)
{
    if (events & EPOLLOUT)
        flush_outbox(c);
    if (!c->leaves && events != EPOLLOUT && receive(c) > 0) {
        char *line;
        while (!c->leaves && (line = next_line(c)) != NULL)
            handle_line(c, line);
    }
    mark_dirty(c);
}

static int watch(int operation, int fd, uint32_t events, void *owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};
    return epoll_ctl(pool.epoll, operation, fd, &event);
}

// Has epoll tell when the client can be read from, unless it leaves or its own
// outbox is full, and when it can be sent what waits there.
static void watch_client(struct client *c)
{
    uint32_t events = c->waiting > 0 ? EPOLLOUT : 0;
    if (c->waiting < MAX_OUTBOX && (!c->leaves || c->waiting == 0))
        events |= EPOLLIN;
    if (events != c->events && watch(EPOLL_CTL_MOD, c->fd, events, c) < 0)
        drop(c, strerror(errno));
    c->events = events;
}

// Throws away what came in unread: close() would answer it with a reset, which
// may overtake the last lines (RFC 1122, 4.2.2.13). False: more may come.
static bool close_client(struct client *c)
{
    ssize_t n = recv(c->fd, NULL, MAX_OUTBOX, MSG_TRUNC); // copies nothing
    if (n != 0 && pool.deadline != 0 && shutdown(c->fd, SHUT_WR) == 0)
        return false;
    remove_client(c);
    close(c->fd);
    free(c->buffer);
    free(c->outbox);
    free(c);
    return true;
}

// Sends to all whose outbox got something in this turn, with one write() each,
// and closes those who leave: no earlier, as the turn's events point to them.
static void end_turn(void)
{
    while (pool.dirty != NULL) {
        struct client *c = pool.dirty;
        pool.dirty = c->next_dirty;
        if (c->waiting > 0 && !(c->events & EPOLLOUT))
            flush_outbox(c);
        c->dirty = false;
        if (!c->leaves || c->waiting > 0 || !close_client(c))
            watch_client(c);
    }
}

// Lets a newcomer in, or tells it that there is no place; takes over fd.
static void start_client(int fd, const struct sockaddr_storage *address,
                         socklen_t size)
{
    struct client *c = calloc(1, sizeof(*c));
    if (c == NULL || watch(EPOLL_CTL_ADD, fd, EPOLLIN, c) < 0) {
        log_event("a newcomer was refused: %s\n", strerror(errno));
        close(fd);
        free(c);
        return;
    }
    c->fd = fd;
    c->events = EPOLLIN;
    format_address(address, size, c->address);
    bool added = add_client(c);
    if (added)
        send_line(c, "Your number is %lld", c->number);
    else
        send_line(c, "error: server is full");
    log_event("client %lld (%s) connected\n", c->number, c->address);
    if (!added)
        leave(c, "server is full");
}

// A newcomer for whom there is no descriptor waits in the backlog.
static void accept_clients(void)
{
    for (int i = 0; i < MAX_EVENTS && pool.count < pool.slots; i++) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        int fd = accept4(pool.listener, (struct sockaddr *)&address, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            int pause = errno == EAGAIN ? -1 : ACCEPT_PAUSE;
            if (pause > pool.pause)
                log_event("accept: %s\n", strerror(errno));
            pool.pause = pause;
            return;
        }
        start_client(fd, &address, size);
    }
    pool.pause = 0;
}

// Begins the end: nobody is let in any more, all are told, and what waits in
// the outboxes is sent until the deadline. Later signals change nothing.
static void stop(void)
{
    pool.deadline = times(NULL) + DRAIN_TIME * sysconf(_SC_CLK_TCK);
    pool.pause = ACCEPT_PAUSE;
    close(pool.listener);
    close(pool.signals);
    for (size_t i = 0; i < pool.slots; i++) {
        struct client *c = pool.clients[i];
        if (c != NULL && !c->leaves) {
            send_line(c, "error: server is shutting down");
            leave(c, "server is shutting down");
        }
    }
}

static void handle_event(const struct epoll_event *event)
{
    if (event->data.ptr == &pool.listener)
        pool.pause = pool.pause < 0 ? 0 : pool.pause;
    else if (event->data.ptr == &pool.signals)
        stop();
    else
        serve_client(event->data.ptr, event->events);
}

// The only place where the server waits, and there it waits for everybody.
static void serve_clients(void)
{
    while (pool.deadline == 0 ||
           (pool.count > 0 && times(NULL) < pool.deadline)) {
        struct epoll_event events[MAX_EVENTS];
        int n = epoll_wait(pool.epoll, events, MAX_EVENTS, pool.pause);
        if (n < 0 && errno != EINTR)
            err(1, "epoll_wait");
        if (pool.pause >= 0 && pool.deadline == 0)
            accept_clients();
        for (int i = 0; i < n; i++)
            handle_event(&events[i]);
        end_turn();
    }
}

// Depends on how many files may be open; that is raised to the most.
static long client_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "setrlimit");
    long most = files.rlim_max < MAX_FILES ? (long)files.rlim_max : MAX_FILES;
    return most > SPARE_FILES ? most - SPARE_FILES : 1;
}

// SIGINT and SIGTERM become events like others: a descriptor to read from.
static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, 0);
}

int main(int argc, char **argv)
{
    const char *usage = "usage: server [-a address] [-n clients] [-h] [port]";
    const char *host = "127.0.0.1";
    pool.limit = client_limit();
    for (int option; (option = getopt(argc, argv, "a:n:h")) != -1;) {
        if (option == 'a')
            host = optarg;
        else if (option == 'n')
            pool.limit = parse_argument("-n", optarg, 1, client_limit());
        else
            return option == 'h' ? puts(usage) < 0 : 1; // getopt() has warned
    }
    argc -= optind - 1;
    argv += optind - 1;
    if (argc > 2)
        errx(1, "%s", usage);
    const char *port = argc > 1 ? argv[1] : "8081";
    parse_argument("port", port, 0, 65535);
    // A write to a closed connection is then an error, not a deadly signal.
    signal(SIGPIPE, SIG_IGN);
    // A line shows at once, also when stdout is a pipe or a file.
    setvbuf(stdout, NULL, _IOLBF, 0);
    pool.slots = 2 * (pool.limit + MAX_EVENTS);
    pool.clients = calloc(pool.slots, sizeof(*pool.clients));
    // Opened anew, stderr does not block us, nor others who write to it.
    int log = open("/dev/stderr", O_WRONLY | O_APPEND | O_NONBLOCK);
    if (dup2(log, STDERR_FILENO) < 0) // a socket can't be opened
        fcntl(STDERR_FILENO, F_SETFL, O_APPEND | O_NONBLOCK);
    pool.epoll = epoll_create1(0);
    pool.signals = open_signals();
    pool.listener = listen_on(host, port);
    // Edge-triggered: newcomers that have to wait don't keep the loop awake.
    if (pool.clients == NULL ||
        watch(EPOLL_CTL_ADD, pool.signals, EPOLLIN, &pool.signals) < 0 ||
        watch(EPOLL_CTL_ADD, pool.listener, EPOLLIN | EPOLLET,
              &pool.listener) < 0)
        err(1, "set-up");
    announce(pool.listener);
    serve_clients();
    return 0;
}
