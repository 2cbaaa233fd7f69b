// Step 7, robust: one thread serves all clients and waits for none of them.
#define _GNU_SOURCE // accept4()

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG = 4096, // connections; the kernel has a limit of its own
    MAX_DIGITS = 10, // of a number in a line
    MAX_LINE = 250, // bytes, without the line end
    KEPT_SIZE = MAX_LINE + 2, // bytes of a line that show it is too long
    BLOCK_SIZE = 16, // bytes that are looked at together
    MAX_OUTBOX = 1024 * 1024, // bytes
    OWN_OUTBOX = 64 * 1024, // bytes, of these, that are for answers alone
    SMALL_OUTBOX = 512, // bytes, to begin with: a few lines
    OUTBOX_SIZE = 64 * 1024, // bytes, of one that takes more
    MAX_SPARES = 64, // outboxes that are kept for whoever needs one next
    ANSWER_SIZE = 128, // bytes of the longest answer
    MAX_ANSWER = 34, // bytes that one byte is answered with: an empty line
    MAX_UNSENT = 128 * 1024, // bytes that the kernel takes and can't send yet
    MAX_UNREAD = 64 * 1024, // bytes that it takes and we have not read yet
    READ_SIZE = 24 * 1024, // bytes, from a client in a turn
    TURN_LINES = 256, // about as many lines from it, if they are short
    PREFIX_SIZE = sizeof("-9223372036854775808->> "), // for any long long
    ADDRESS_SIZE = 64, // bytes: an address and a port as text
    MAX_FILES = 1000 * 1000, // descriptors, where the system sets no limit
    SPARE_FILES = 32, // descriptors, of these, that are not for clients
    MAX_EVENTS = 16, // in a turn of the loop, and as many newcomers
    ACCEPT_PAUSE = 100, // ms, when there is no descriptor for a newcomer
    PEER_TIMEOUT = 60, // s that a peer may be dead, or take nothing
    DRAIN_TIME = 2000, // ms for the last lines when the server ends
    MAX_LOG = 100, // lines a second
};

struct client {
    int fd;
    long long number; // counts the connections from 0; no two have the same
    char prefix[PREFIX_SIZE]; // of what it sends to others
    size_t prefix_size;
    char address[ADDRESS_SIZE];
    struct client *next; // in the same list of the pool
    uint32_t events; // that epoll watches for
    bool pending; // in the list of those to look after when the turn ends
    bool closing; // as soon as it has been sent all
    int error; // of a write(), or 0
    struct client *next_pending;
    char *outbox; // NULL when nothing waits there
    size_t waiting; // bytes
    size_t capacity;
    size_t read_size; // bytes that the next read may bring
    char *kept; // the beginning of a line, or NULL
    size_t kept_size;
};

static struct {
    int listener;
    int epoll;
    int signals;
    int log;
    int timeout; // of epoll_wait(2); not -1 while newcomers may be waiting
    long long deadline; // of the end, on now_ms()'s clock; 0: no end is near
    struct client *pending;
    char *spares[MAX_SPARES];
    size_t spare_count;
    size_t start; // of what next_line has not taken yet
    size_t end;
    char buffer[KEPT_SIZE + READ_SIZE]; // of the client that is being served
} loop;

static struct {
    size_t count; // of clients
    size_t limit; // of count
    long long next_number;
    struct client **clients; // lists, by number % limit
} pool;

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

// Returns how many clients there can be, by the number of files that may be
// open; that is raised as far as it goes.
static long client_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < MAX_FILES ? files.rlim_max : MAX_FILES;
    setrlimit(RLIMIT_NOFILE, &files);
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "getrlimit");
    long most = (long)files.rlim_cur;
    return most > SPARE_FILES ? most - SPARE_FILES : 1;
}

// Ends the program if what was printed did not get out.
static void check_stdout(void)
{
    if (fflush(stdout) == EOF || ferror(stdout))
        err(1, "stdout");
}

// Sets what the arguments say, or ends the program.
static void parse_options(int argc, char **argv, const char **host,
                          const char **port)
{
    const char *usage = "usage: server [-a address] [-n clients] [-h] [port]";
    pool.limit = client_limit();
    for (int option; (option = getopt(argc, argv, "a:n:h")) != -1;) {
        if (option == 'a') {
            *host = optarg;
        } else if (option == 'n') {
            pool.limit = parse_argument("-n", optarg, 1, client_limit());
        } else if (option == 'h') {
            puts(usage);
            check_stdout();
            exit(0);
        } else {
            exit(1); // getopt() has said why
        }
    }
    if (argc - optind > 1)
        errx(1, "%s", usage);
    if (argc - optind == 1)
        *port = argv[optind];
    parse_argument("port", *port, 0, 65535);
}

static void set_option(int fd, int level, int name, int value)
{
    if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
        err(1, "setsockopt");
}

// Returns a socket that listens on host and port; with port 0 the kernel
// picks a free one. Ends the program if that fails.
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
    if (listener <= STDERR_FILENO) // a client could get the place of stdout
        errx(1, "stdin, stdout or stderr is closed");
    // Else the port stays taken while old connections are in TIME_WAIT.
    set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    // Accepted sockets inherit these. They end when the peer is dead (tcp(7)).
    set_option(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(listener, IPPROTO_TCP, TCP_KEEPIDLE, PEER_TIMEOUT / 2);
    set_option(listener, IPPROTO_TCP, TCP_KEEPINTVL, PEER_TIMEOUT / 6);
    set_option(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_TIMEOUT * 1000);
    set_option(listener, IPPROTO_TCP, TCP_NODELAY, 1);
    // The rest waits in the outbox, where it is counted, or with the peer.
    set_option(listener, IPPROTO_TCP, TCP_NOTSENT_LOWAT, MAX_UNSENT);
    set_option(listener, SOL_SOCKET, SO_RCVBUF, MAX_UNREAD);
    if (bind(listener, address->ai_addr, address->ai_addrlen) < 0)
        err(1, "%s:%s", host, port);
    if (listen(listener, BACKLOG) < 0)
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
    check_stdout();
}

// Has epoll tell of these events on the descriptor; the owner, or NULL if it
// is not a client's, comes with them. Returns what epoll_ctl() does.
static int watch(int operation, int fd, uint32_t events, void *owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};
    return epoll_ctl(loop.epoll, operation, fd, &event);
}

// The time since some moment in the past; nobody can set this clock.
static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// Returns whether poll() tells one of the events, or an error, at once.
static bool is_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, 0) == 1;
}

// Opens for us alone what may be shared with others as stderr: their flags
// stay as they are. (A file is not opened again: it would have two places to
// write at.) On a descriptor that blocks, poll() is asked before; it says that
// there is room, but not that a whole line has room.
static int open_log(void)
{
    struct stat s;
    int fd = -1;
    if (fstat(STDERR_FILENO, &s) == 0 && !S_ISREG(s.st_mode))
        fd = open("/dev/stderr", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? STDERR_FILENO : fd;
}

// Logs one line, unless there are too many or the log has no room. What is
// left out is counted in the next line. What a peer has sent is never in it.
__attribute__((format(printf, 1, 2))) static void log_event(const char *format,
                                                            ...)
{
    static long long second;
    static int lines; // in that second
    static long left_out;
    static bool cut; // the last line lacks its end
    lines = second == now_ms() / 1000 ? lines + 1 : 1;
    second = now_ms() / 1000;
    if (lines > MAX_LOG || !is_ready(loop.log, POLLOUT)) {
        left_out++;
        return;
    }
    if (cut)
        dprintf(loop.log, "\n");
    if (left_out > 0 &&
        dprintf(loop.log, "lines left out: %ld\n", left_out) > 0)
        left_out = 0;
    va_list args;
    va_start(args, format);
    cut = vdprintf(loop.log, format, args) < 0;
    va_end(args);
    left_out += cut;
}

static void mark_pending(struct client *c)
{
    if (c->pending)
        return;
    c->pending = true;
    c->next_pending = loop.pending;
    loop.pending = c;
}

// Has the client closed once it has been sent all.
static void end_client(struct client *c, const char *reason)
{
    mark_pending(c);
    if (c->closing)
        return;
    c->closing = true;
    log_event("client %lld (%s) left: %s\n", c->number, c->address, reason);
}

// Has the client closed without what waits for it.
static void drop_client(struct client *c, const char *reason)
{
    c->waiting = 0;
    end_client(c, reason);
}

// Gives back the memory of an empty outbox: to the next who needs one, as
// malloc() may have to ask the kernel each time.
static void free_outbox(struct client *c)
{
    if (c->capacity == OUTBOX_SIZE && loop.spare_count < MAX_SPARES)
        loop.spares[loop.spare_count++] = c->outbox;
    else
        free(c->outbox);
    c->outbox = NULL;
    c->capacity = 0;
}

// Returns room in the outbox for size bytes, at most SMALL_OUTBOX, or NULL.
static char *reserve(struct client *c, size_t size)
{
    if (c->outbox == NULL && loop.spare_count > 0) {
        c->outbox = loop.spares[--loop.spare_count];
        c->capacity = OUTBOX_SIZE;
    }
    if (c->waiting + size > c->capacity) {
        size_t capacity = 2 * c->capacity;
        if (capacity < OUTBOX_SIZE)
            capacity = c->capacity > 0 ? OUTBOX_SIZE : SMALL_OUTBOX;
        char *outbox = realloc(c->outbox, capacity);
        if (outbox == NULL)
            return NULL;
        c->outbox = outbox;
        c->capacity = capacity;
    }
    mark_pending(c);
    c->waiting += size;
    return c->outbox + c->waiting - size;
}

static void flush_outbox(struct client *c)
{
    ssize_t n = write(c->fd, c->outbox, c->waiting);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        // What it has sent before is still read, up to the end that this is.
        c->error = errno;
        c->waiting = 0;
        shutdown(c->fd, SHUT_RDWR);
    }
    if (n > 0) {
        c->waiting -= n;
        memmove(c->outbox, c->outbox + n, c->waiting);
    }
    if (c->waiting == 0)
        free_outbox(c);
}

// Puts one line, as printf() formats it, into the outbox. It needs no bound:
// no more is read from a client than can be answered within MAX_OUTBOX.
__attribute__((format(printf, 2, 3))) static void
send_line(struct client *c, const char *format, ...)
{
    char line[ANSWER_SIZE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    line[length++] = '\n';
    char *room = reserve(c, length);
    if (room != NULL)
        memcpy(room, line, length);
    else
        drop_client(c, "out of memory");
}

// Puts a text of that length into the outbox. Returns false, and has done
// nothing, when there is no room.
static bool deliver(struct client *to, const struct client *from,
                    const char *text, size_t length)
{
    size_t size = from->prefix_size + length + 1;
    if (to->waiting + size > MAX_OUTBOX - OWN_OUTBOX)
        return false;
    char *room = reserve(to, size);
    if (room == NULL)
        return false;
    memcpy(room, from->prefix, from->prefix_size);
    memcpy(room + from->prefix_size, text, length);
    room[size - 1] = '\n';
    return true;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Returns how many bytes may be read from the client: no more than can be
// answered within its outbox.
static size_t readable(const struct client *c)
{
    size_t limit = MAX_OUTBOX - ANSWER_SIZE; // for the end of a kept line
    if (c->closing || c->waiting > limit)
        return 0;
    return smaller((limit - c->waiting) / MAX_ANSWER, c->read_size);
}

// Reads once, behind what was kept of an unfinished line. Returns what read()
// does: the number of bytes, 0 at the end of the stream, -1 on an error.
static ssize_t receive(struct client *c)
{
    loop.start = 0;
    loop.end = c->kept_size;
    if (c->kept != NULL)
        memcpy(loop.buffer, c->kept, c->kept_size);
    char *room = loop.buffer + loop.end;
    ssize_t n = read(c->fd, room, readable(c));
    while (n < 0 && errno == EINTR) // a signal came meanwhile
        n = read(c->fd, room, readable(c));
    if (n < 0 && errno != EAGAIN)
        drop_client(c, strerror(errno));
    if (n == 0)
        end_client(c, c->error ? strerror(c->error) : "closed by the client");
    if (n > 0)
        loop.end += n;
    return n;
}

// Keeps the beginning of a line until the rest has come, or as much of it as
// shows that it is too long.
static void keep(struct client *c, const char *line, size_t size)
{
    free(c->kept);
    c->kept_size = smaller(size, KEPT_SIZE);
    c->kept = size > 0 ? malloc(c->kept_size) : NULL;
    if (c->kept != NULL)
        memcpy(c->kept, line, c->kept_size);
    else if (size > 0)
        drop_client(c, "out of memory");
}

// Returns whether there is no control character in a block, nor the beginning
// of one (0xc2). Without a way out of its loop it costs a few instructions.
static bool is_plain(const char *block)
{
    unsigned char found = 0;
    for (int i = 0; i < BLOCK_SIZE; i++) {
        unsigned char byte = block[i];
        found |= (byte < ' ') | (byte == 0x7f) | (byte == 0xc2);
    }
    return found == 0;
}

// Makes '?' of each control character but tab: C0 and DEL, and C1, which is
// two bytes in UTF-8. They could steer the terminal of whoever reads the line.
static void mask_controls(char *text, const char *end)
{
    while (end - text >= BLOCK_SIZE && is_plain(text))
        text += BLOCK_SIZE;
    for (; text < end; text++) {
        unsigned char byte = *text;
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            *text = '?';
        if (byte == 0xc2 && text + 1 < end && (text[1] & 0xe0) == 0x80)
            text[0] = text[1] = '?';
    }
}

// Takes the next whole line out of the buffer. TCP is a stream: a line may
// come in pieces, and several may come at once. Returns it without its
// newline, valid until the next receive(), or NULL when there is none yet.
static char *next_line(struct client *c, size_t *length)
{
    char *line = loop.buffer + loop.start;
    char *newline = memchr(line, '\n', loop.end - loop.start);
    if (newline == NULL) {
        keep(c, line, loop.end - loop.start);
        return NULL;
    }
    loop.start = newline + 1 - loop.buffer;
    // telnet ends its lines with "\r\n".
    char *end = newline > line && newline[-1] == '\r' ? newline - 1 : newline;
    mask_controls(line, end);
    *end = '\0';
    *length = end - line;
    return line;
}

// Returns the place of the client with this number, or the end of its list.
static struct client **find_place(long long number)
{
    struct client **place = &pool.clients[number % pool.limit];
    while (*place != NULL && (*place)->number != number)
        place = &(*place)->next;
    return place;
}

// Gives the client its number and a place in the pool, which is not full.
static void add_client(struct client *c)
{
    c->number = pool.next_number++;
    c->prefix_size =
        snprintf(c->prefix, sizeof(c->prefix), "%lld->> ", c->number);
    *find_place(c->number) = c;
    pool.count++;
}

static void remove_client(struct client *c)
{
    *find_place(c->number) = c->next;
    pool.count--;
}

// Returns NULL when nobody has the number.
static struct client *find_client(long long number)
{
    struct client *c = *find_place(number);
    return c == NULL || c->closing ? NULL : c;
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

static void handle_line(struct client *c, const char *line, size_t length)
{
    if (length > MAX_LINE) {
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
    else if (!deliver(to, c, text, line + length - text))
        send_line(c,
                  "error: client %lld is not reading, message not delivered",
                  number);
}

// EPOLLERR and EPOLLHUP come unasked; read() or write() then has the reason.
static void serve_client(struct client *c, uint32_t events)
{
    if (events & EPOLLOUT && c->waiting > 0)
        flush_outbox(c);
    if (events != EPOLLOUT && readable(c) > 0 && receive(c) > 0) {
        size_t lines = 0;
        size_t length;
        char *line;
        for (; !c->closing && (line = next_line(c, &length)) != NULL; lines++)
            handle_line(c, line, length);
        // Short lines are more work: a flood of them gets smaller reads.
        if (lines > TURN_LINES)
            c->read_size = loop.end / lines * TURN_LINES;
        else
            c->read_size = smaller(2 * c->read_size, READ_SIZE);
    }
    mark_pending(c);
}

// Returns whether a client that is told of the end may still be typing: it is
// not closed before it has ended its stream, too. What has come is thrown
// away: close() would answer it with a reset, which may overtake the last
// lines (RFC 1122, 4.2.2.13).
static bool lingers(const struct client *c)
{
    ssize_t n = recv(c->fd, NULL, MAX_OUTBOX, MSG_TRUNC); // copies nothing
    return n != 0 && loop.deadline != 0 && shutdown(c->fd, SHUT_WR) == 0;
}

// Returns what epoll is to watch for; a client that is closing and has nothing
// to wait for can be closed. What the kernel has not sent by then it would
// keep, with nobody to count it: with this option EPOLLOUT tells when nothing
// is left (tcp_notsent_lowat in the kernel's ip-sysctl.rst).
static uint32_t wanted_events(const struct client *c)
{
    if (c->waiting > 0)
        return readable(c) > 0 ? EPOLLIN | EPOLLOUT : EPOLLOUT;
    if (!c->closing)
        return EPOLLIN;
    int unsent = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
    if (!is_ready(c->fd, POLLOUT))
        return EPOLLOUT;
    return lingers(c) ? EPOLLIN : 0;
}

static void close_client(struct client *c)
{
    remove_client(c);
    close(c->fd);
    free_outbox(c);
    free(c->kept);
    free(c);
}

// Sends to all whose outbox got something in this turn, with one write() each,
// and closes those who leave: no earlier, as the turn's events point to them.
static void end_turn(void)
{
    struct client *next;
    for (struct client *c = loop.pending; c != NULL; c = next) {
        next = c->next_pending;
        if (c->waiting > 0 && !(c->events & EPOLLOUT))
            flush_outbox(c);
        uint32_t events = wanted_events(c);
        c->pending = false;
        if (events != c->events &&
            (events == 0 || watch(EPOLL_CTL_MOD, c->fd, events, c) < 0))
            close_client(c);
        else
            c->events = events;
    }
    loop.pending = NULL;
}

// Tells a newcomer that there is no place, if it takes that at once, and
// closes. As in lingers(), nothing is left unread.
static void refuse_client(int fd, const char *address)
{
    static const char reason[] = "error: server is full\n";
    log_event("%s was refused: server is full\n", address);
    send(fd, reason, sizeof(reason) - 1, 0);
    recv(fd, NULL, MAX_OUTBOX, MSG_TRUNC);
    close(fd);
}

// Lets a newcomer in; takes over fd.
static void start_client(int fd, const char *address)
{
    struct client *c = calloc(1, sizeof(*c));
    if (c == NULL || watch(EPOLL_CTL_ADD, fd, EPOLLIN, c) < 0) {
        log_event("%s was refused: %s\n", address, strerror(errno));
        close(fd);
        free(c);
        return;
    }
    c->fd = fd;
    c->events = EPOLLIN;
    c->read_size = TURN_LINES;
    strcpy(c->address, address);
    add_client(c);
    log_event("client %lld (%s) connected\n", c->number, c->address);
    send_line(c, "Your number is %lld", c->number);
}

// A newcomer for whom there is no descriptor waits in the backlog.
static void accept_clients(void)
{
    for (int i = 0; i < MAX_EVENTS; i++) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        int fd = accept4(loop.listener, (struct sockaddr *)&address, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            int timeout = errno == EAGAIN ? -1 : ACCEPT_PAUSE;
            if (timeout > loop.timeout)
                log_event("accept: %s\n", strerror(errno));
            loop.timeout = timeout;
            return;
        }
        char text[ADDRESS_SIZE];
        format_address(&address, size, text);
        if (pool.count < pool.limit)
            start_client(fd, text);
        else
            refuse_client(fd, text);
    }
    loop.timeout = 0;
}

// Begins the end: nobody is let in any more, all are told, and what waits in
// the outboxes is sent until the deadline. Later signals change nothing.
static void stop(void)
{
    loop.deadline = now_ms() + DRAIN_TIME;
    loop.timeout = ACCEPT_PAUSE;
    close(loop.listener);
    close(loop.signals);
    for (size_t i = 0; i < pool.limit; i++) {
        for (struct client *c = pool.clients[i]; c != NULL; c = c->next) {
            if (c->closing)
                continue;
            send_line(c, "error: server is shutting down");
            end_client(c, "server is shutting down");
        }
    }
}

// The only place where the server waits, and there it waits for everybody.
static void serve_clients(void)
{
    while (loop.deadline == 0 ||
           (pool.count > 0 && now_ms() < loop.deadline)) {
        struct epoll_event events[MAX_EVENTS];
        int n = epoll_wait(loop.epoll, events, MAX_EVENTS, loop.timeout);
        if (n < 0 && errno != EINTR)
            err(1, "epoll_wait");
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr != NULL)
                serve_client(events[i].data.ptr, events[i].events);
            else if (loop.timeout < 0) // the listener, or a signal
                loop.timeout = 0;
        if (loop.deadline == 0 && loop.timeout >= 0)
            accept_clients();
        // Asked for here, as epoll may have thousands to name before.
        if (loop.deadline == 0 && is_ready(loop.signals, POLLIN))
            stop();
        end_turn();
    }
}

// SIGINT, SIGTERM and SIGHUP become a descriptor to read from; after nohup(1)
// SIGHUP stays ignored.
static void open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    struct sigaction hangup;
    sigaction(SIGHUP, NULL, &hangup);
    if (hangup.sa_handler != SIG_IGN)
        sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    loop.signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop.signals < 0)
        err(1, "signalfd");
}

static void open_loop(int listener)
{
    open_signals();
    loop.listener = listener;
    loop.log = open_log();
    loop.timeout = -1;
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop.epoll < 0)
        err(1, "epoll_create1");
    // Edge-triggered: newcomers that have to wait don't keep the loop awake.
    if (watch(EPOLL_CTL_ADD, loop.signals, EPOLLIN, NULL) < 0 ||
        watch(EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLET, NULL) < 0)
        err(1, "epoll_ctl");
    pool.clients = calloc(pool.limit, sizeof(*pool.clients));
    if (pool.clients == NULL)
        err(1, "calloc");
}

// These would end the server, or stop it, when it writes: to a closed
// connection, beyond the largest file, in the background to a terminal that
// minds. Now the write fails, or is done.
static void ignore_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    const char *port = "8081";
    parse_options(argc, argv, &host, &port);
    ignore_signals();
    open_loop(listen_on(host, port));
    announce(loop.listener);
    serve_clients();
    return 0;
}
