// The load of the bench: pairs of clients bounce messages through a server, a
// fixed number in flight in each pair, and each message is checked when it
// comes. One thread for all of them, and the same work for every protocol:
// one read() for what has come, one write() for all answers to it. Or, with
// -n, newcomers: so many connect, are greeted and leave, again and again.
//
// Prints one line of NAME=VALUE: messages, or newcomers, a second; the latency
// of a message from the write() that sends it to the read() that gets it, so
// that its wait for this program is in it; the server's CPU time for one; the
// server's resident memory an idle connection, and, the kernel's buffers
// counted, a client that is flooded and does not read; the share of a core
// that this program has used: near 1, it is the bound; the share of the time
// that it, or the server, was kept from running, as another program had the
// core; and, with a flood, how many messages had not come by the end. Exit
// status 1 if a message is lost, late, repeated or not the one that is due.
#define _GNU_SOURCE // memmem()

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_PAIRS = 100 * 1000,
    MAX_WINDOW = 1000,
    MIN_BYTES = 16, // of a message: its count and its sender
    MAX_BYTES = 250,
    COUNT_DIGITS = 8,
    HEAD_SIZE = 80, // bytes: what stands before the text on the wire
    WIRE_SIZE = HEAD_SIZE + MAX_BYTES + 2, // bytes of a whole message
    CARRY_SIZE = 2048, // bytes: the longest greeting or message
    READ_SIZE = 64 * 1024, // bytes
    MAX_EVENTS = 256,
    CONNECT_BATCH = 32, // connections that wait for their greeting at once
    PATIENCE = 5, // s for a greeting, or for the last messages
    FLOOD_BYTES = 200, // of each message of the flood
    FLOOD_BLOCK = 64, // messages of the flood in one write()
    FLOOD_FILL = 8 * 1024 * 1024, // bytes to each before the measurement
    FLOOD_STUCK = 300, // ms without progress: the flood is dammed up
    SUB_BITS = 5, // of the histogram: 32 steps an octave, so 3 % wide
    BUCKETS = 64 << SUB_BITS,
};

static const uint64_t second = 1000 * 1000 * 1000; // in ns

enum role {
    PLAYER,
    NEWCOMER,
    IDLE,
    FLOODER,
    VICTIM,
};

struct client {
    int fd;
    enum role role;
    bool ready; // it has been greeted
    long long number; // how others address it
    struct client *partner;
    // A message is the protocol's head, a text, and the protocol's tail. The
    // text begins with a count, so all that comes is known beforehand.
    size_t out_size;
    char out[WIRE_SIZE]; // the next to send
    char *out_count;
    size_t in_size;
    char in[WIRE_SIZE]; // the next to come
    char *in_count;
    uint64_t sent;
    uint64_t received;
    uint64_t *sent_at; // ns, by the message's number & load.mask
    size_t carried;
    char carry[CARRY_SIZE]; // the beginning of a message
};

// heads get room for HEAD_SIZE bytes and return how many they have written.
typedef size_t head_function(char *out, const struct client *from,
                             const struct client *to);

struct protocol {
    const char *name;
    size_t (*hello)(char *out, const struct client *c); // or NULL
    const char *knock; // what a newcomer says that wants to be greeted
    const char *ready; // the server's answer to either ends so
    size_t ready_size;
    head_function *out_head;
    head_function *in_head;
    const char *tail;
    const char *aside; // may stand between messages
    const char *answer; // to that
};

static struct {
    const struct protocol *protocol;
    const char *host;
    const char *port;
    long pairs;
    long window;
    size_t bytes;
    long idle;
    long flood; // MB/s; 0: none
    long victims; // of the flood
    long newcomers; // at once
    double seconds;
    pid_t server;
} options = {
    .pairs = 50, .window = 1, .bytes = 32, .victims = 1, .seconds = 1};

static struct {
    int epoll;
    size_t count; // of clients
    size_t greeted;
    struct client **clients;
    size_t aside_size;
    uint64_t mask; // of what is in flight in a pair
    bool draining; // nothing is answered any more
    uint64_t in_flight;
    uint64_t messages;
    uint64_t latencies[BUCKETS];
} load;

static struct {
    struct client *flooder; // or NULL
    size_t block_size;
    size_t offset; // in the block
    uint64_t sent;
    uint64_t since; // ns: the rate holds from then on
    uint64_t sent_since;
    char block[FLOOD_BLOCK * WIRE_SIZE];
} flood;

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) < 0)
        err(1, "clock_gettime");
    return (uint64_t)t.tv_sec * second + t.tv_nsec;
}

static uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

// CPU time of all threads of the server; 0 if we don't know it.
static uint64_t server_cpu(void)
{
    clockid_t id;
    if (options.server == 0)
        return 0;
    errno = clock_getcpuclockid(options.server, &id);
    if (errno != 0)
        err(1, "server %d", (int)options.server);
    return clock_ns(id);
}

// Resident memory of the server in bytes. smaps_rollup counts the pages;
// VmRSS in status is an estimate, some hundred KB off (proc(5)).
static long server_memory(void)
{
    char path[64];
    char line[256];
    long kilobytes = 0;
    if (options.server == 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", options.server);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0; // another user's
    while (fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "Rss: %ld", &kilobytes) == 1)
            break;
    fclose(f);
    return kilobytes * 1024;
}

// What the buffers of all TCP connections of this machine hold, in bytes.
static long kernel_memory(void)
{
    char line[256];
    long pages = 0;
    FILE *f = fopen("/proc/net/sockstat", "r");
    if (f == NULL)
        err(1, "/proc/net/sockstat");
    while (fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "TCP:", 4) == 0)
            pages = strtol(strstr(line, "mem ") + 4, NULL, 10);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

// How long the main thread of a process was ready to run, and did not; in ns.
// In a server with more threads, these are the ones that work, and wait for
// each other.
static uint64_t waiting_time(pid_t process)
{
    char path[64];
    unsigned long long ran = 0;
    unsigned long long waited = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", process);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0; // another user's, or a kernel that does not count it
    if (fscanf(f, "%llu %llu", &ran, &waited) != 2)
        waited = 0;
    fclose(f);
    return waited;
}

static size_t bucket_of(uint64_t ns)
{
    if (ns < 1 << SUB_BITS)
        return ns;
    int octave = 63 - __builtin_clzll(ns) - SUB_BITS;
    return ((size_t)octave << SUB_BITS) + (ns >> octave);
}

// Returns the latency in us that the share of all messages stays below.
static double percentile(double share)
{
    uint64_t total = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        total += load.latencies[i];
    uint64_t rest = (uint64_t)((double)total * (1 - share));
    size_t i = BUCKETS - 1;
    for (uint64_t above = 0; i > 0; i--) {
        above += load.latencies[i];
        if (above > rest)
            break;
    }
    size_t octave = i < 2 << SUB_BITS ? 0 : (i >> SUB_BITS) - 1;
    uint64_t ns = (uint64_t)(i - (octave << SUB_BITS)) << octave;
    return (double)ns / 1000;
}

// Puts text as printf() formats it into a head.
__attribute__((format(printf, 2, 3))) static size_t
put(char *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, HEAD_SIZE, format, args);
    va_end(args);
    if (n >= HEAD_SIZE)
        errx(1, "a head is too long");
    return n;
}

// The channel, subject or topic that a client listens to.
static const char *channel_of(const struct client *c)
{
    static char name[24];
    snprintf(name, sizeof(name), "c%lld", c->number);
    return name;
}

static size_t line_out(char *out, const struct client *from,
                       const struct client *to)
{
    (void)from;
    return put(out, "%lld ", to->number);
}

static size_t line_in(char *out, const struct client *from,
                      const struct client *to)
{
    (void)to;
    return put(out, "%lld->> ", from->number);
}

static size_t resp_hello(char *out, const struct client *c)
{
    return put(out, "HELLO 3\r\nSUBSCRIBE %s\r\nPING\r\n", channel_of(c));
}

static size_t resp_out(char *out, const struct client *from,
                       const struct client *to)
{
    (void)from;
    const char *channel = channel_of(to);
    return put(out, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n",
               strlen(channel), channel, options.bytes);
}

static size_t resp_in(char *out, const struct client *from,
                      const struct client *to)
{
    (void)from;
    const char *channel = channel_of(to);
    return put(out, ">3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n",
               strlen(channel), channel, options.bytes);
}

static size_t nats_hello(char *out, const struct client *c)
{
    return put(out, "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\nPING\r\n",
               channel_of(c));
}

static size_t nats_out(char *out, const struct client *from,
                       const struct client *to)
{
    (void)from;
    return put(out, "PUB %s %zu\r\n", channel_of(to), options.bytes);
}

static size_t nats_in(char *out, const struct client *from,
                      const struct client *to)
{
    (void)from;
    return put(out, "MSG %s 1 %zu\r\n", channel_of(to), options.bytes);
}

// A string as MQTT has it, after its length.
static size_t put_string(char *out, const char *text)
{
    size_t length = strlen(text);
    out[0] = 0;
    out[1] = (char)length;
    memcpy(out + 2, text, length);
    return length + 2;
}

// CONNECT with a clean session and no keep-alive, then SUBSCRIBE at QoS 0
// (MQTT 3.1.1, 3.1 and 3.8).
static size_t mqtt_hello(char *out, const struct client *c)
{
    const char *name = channel_of(c);
    char length = (char)(strlen(name) + 2);
    char *p = out;
    *p++ = 0x10;
    *p++ = (char)(10 + length);
    p += put_string(p, "MQTT");
    memcpy(p, "\4\2\0", 4);
    p += 4;
    p += put_string(p, name);
    *p++ = (char)0x82;
    *p++ = (char)(3 + length);
    *p++ = 0;
    *p++ = 1;
    p += put_string(p, name);
    *p++ = 0;
    return p - out;
}

static size_t mqtt_head(char *out, const struct client *from,
                        const struct client *to)
{
    (void)from;
    const char *name = channel_of(to);
    size_t length = 2 + strlen(name) + options.bytes;
    char *p = out;
    *p++ = 0x30;
    // 7 bits a byte, the low ones first; the top bit: more to come
    if (length > 127)
        *p++ = (char)(length % 128 + 128);
    *p++ = (char)(length > 127 ? length / 128 : length);
    p += put_string(p, name);
    return p - out;
}

static const struct protocol protocols[] = {
    // Step 7 greets whoever connects; redis-server says nothing to whoever
    // says nothing; nats-server sends INFO at once, and answers the PING.
    {"line", NULL, "", "\n", 1, line_out, line_in, "\n", NULL, NULL},
    {"relay", NULL, NULL, NULL, 0, line_out, line_out, "\n", NULL, NULL},
    // What PUBLISH returns: one client has got it.
    {"resp", resp_hello, "PING\r\n", "+PONG\r\n", 7, resp_out, resp_in, "\r\n",
     ":1\r\n", ""},
    {"nats", nats_hello, "CONNECT {\"verbose\":false}\r\nPING\r\n", "PONG\r\n",
     6, nats_out, nats_in, "\r\n", "PING\r\n", "PONG\r\n"},
    {"mqtt", mqtt_hello, NULL, "\x90\3\0\1\0", 5, mqtt_head, mqtt_head, "",
     NULL, NULL},
};

// What is in flight fits into the socket's buffer, unless the server has
// stopped to read; then we wait a while.
static void write_all(struct client *c, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        if (n < 0 && errno != EAGAIN)
            err(1, "write, client %lld", c->number);
        if (n < 0 && poll(&p, 1, PATIENCE * 1000) != 1)
            errx(1, "client %lld: the server does not read", c->number);
        data += n > 0 ? n : 0;
        size -= n > 0 ? n : 0;
    }
}

static void count_up(char *count)
{
    for (int i = COUNT_DIGITS - 1; i >= 0 && count[i]++ == '9'; i--)
        count[i] = '0';
}

// Puts the client's next message there; returns its size.
static size_t compose(struct client *c, char *out, uint64_t now)
{
    memcpy(out, c->out, c->out_size);
    count_up(c->out_count);
    c->sent_at[c->sent++ & load.mask] = now;
    load.in_flight++;
    return c->out_size;
}

// Ends the program: something else has come than was due.
__attribute__((noreturn)) static void mismatch(const struct client *c,
                                               const char *data, size_t size)
{
    fprintf(stderr, "load: client %lld, after %llu messages, got: ", c->number,
            (unsigned long long)c->received);
    for (size_t i = 0; i < size && i < 200; i++)
        fprintf(stderr, data[i] >= ' ' && data[i] <= '~' ? "%c" : "\\x%02x",
                (unsigned char)data[i]);
    fprintf(stderr, "\n");
    exit(1);
}

// When the greeting is all there, takes it and returns its size; else 0.
static size_t take_greeting(struct client *c, const char *data, size_t size)
{
    const struct protocol *p = options.protocol;
    const char *end = memmem(data, size, p->ready, p->ready_size);
    if (end == NULL)
        return 0;
    if (p->hello == NULL &&
        sscanf(data, "Your number is %lld\n", &c->number) != 1)
        mismatch(c, data, size);
    c->ready = true;
    load.greeted++;
    return end + p->ready_size - data;
}

// Returns the size of what may stand between messages, if it comes next.
static size_t take_aside(struct client *c, const char *data, size_t size)
{
    const struct protocol *p = options.protocol;
    if (p->aside == NULL || size < load.aside_size ||
        memcmp(data, p->aside, load.aside_size) != 0)
        return 0;
    write_all(c, p->answer, strlen(p->answer));
    return load.aside_size;
}

// Takes one message; returns its size, or 0 if it is not all there yet. A
// beginning is compared too, so that no wrong one is waited for in vain.
static size_t take_message(struct client *c, const char *data, size_t size,
                           uint64_t now)
{
    if (size == 0 || (load.aside_size > 0 && size < load.aside_size &&
                      data[0] == options.protocol->aside[0]))
        return 0;
    size_t known = size < c->in_size ? size : c->in_size;
    if (c->role != PLAYER || memcmp(data, c->in, known) != 0)
        mismatch(c, data, size);
    if (size < c->in_size)
        return 0;
    if (c->received == c->partner->sent) // it is early
        mismatch(c, data, size);
    count_up(c->in_count);
    uint64_t sent_at = c->partner->sent_at[c->received++ & load.mask];
    load.latencies[bucket_of(now - sent_at)]++;
    load.messages++;
    load.in_flight--;
    return c->in_size;
}

// Takes all that is there; answers each message. Returns the bytes taken.
static size_t take_all(struct client *c, const char *data, size_t size)
{
    static char out[MAX_WINDOW * WIRE_SIZE];
    size_t out_size = 0;
    size_t taken = c->ready ? 0 : take_greeting(c, data, size);
    uint64_t now = now_ns();
    while (c->ready) {
        size_t n = take_aside(c, data + taken, size - taken);
        if (n == 0) {
            n = take_message(c, data + taken, size - taken, now);
            if (n > 0 && !load.draining)
                out_size += compose(c, out + out_size, now);
        }
        if (n == 0)
            break;
        taken += n;
    }
    write_all(c, out, out_size);
    return taken;
}

static void handle_input(struct client *c)
{
    static char in[CARRY_SIZE + READ_SIZE];
    ssize_t n = read(c->fd, in + c->carried, READ_SIZE);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        errx(1, "client %lld: %s", c->number,
             n < 0 ? strerror(errno) : "the server has closed the connection");
    if (c->role == FLOODER && c->ready)
        return; // "not delivered", most likely
    memcpy(in, c->carry, c->carried);
    size_t size = c->carried + n;
    size_t taken = take_all(c, in, size);
    c->carried = size - taken;
    if (c->carried > CARRY_SIZE)
        mismatch(c, in + taken, size - taken);
    memcpy(c->carry, in + taken, c->carried);
}

// Sends as much of the flood as its rate allows and the socket takes. What it
// has not taken is not made up for later. Returns false if it takes nothing.
static bool send_flood(uint64_t now, uint64_t rate)
{
    uint64_t due = (now - flood.since) / 1000 * rate;
    while (flood.sent - flood.sent_since < due) {
        ssize_t n = send(flood.flooder->fd, flood.block + flood.offset,
                         flood.block_size - flood.offset, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            err(1, "write of the flood");
        if (n < 0) {
            flood.since = now;
            flood.sent_since = flood.sent;
            return false;
        }
        flood.sent += n;
        flood.offset = (flood.offset + n) % flood.block_size;
    }
    return true;
}

// One turn of the loop.
static void handle_events(int timeout)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(load.epoll, events, MAX_EVENTS, timeout);
    if (n < 0 && errno != EINTR)
        err(1, "epoll_wait");
    for (int i = 0; i < n; i++)
        handle_input(events[i].data.ptr);
}

static void run_until(uint64_t end)
{
    uint64_t now;
    while ((now = now_ns()) < end) {
        if (flood.flooder != NULL)
            send_flood(now, options.flood);
        int rest = (int)((end - now) / 1000000) + 1;
        handle_events(flood.flooder != NULL ? 1 : rest);
    }
}

static void connect_client(struct client *c)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    static struct addrinfo *address;
    int on = 1;
    int small = 4096;
    if (address == NULL &&
        getaddrinfo(options.host, options.port, &hints, &address) != 0)
        errx(1, "unknown host %s", options.host);
    c->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        err(1, "socket");
    // A victim's buffers are soon full.
    if (c->role == VICTIM &&
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) < 0)
        err(1, "SO_RCVBUF");
    if (connect(c->fd, address->ai_addr, address->ai_addrlen) < 0)
        err(1, "connect to %s:%s", options.host, options.port);
    // The end of a run is a reset: thousands of connections in TIME_WAIT
    // would be the next run's load.
    struct linger reset = {.l_onoff = 1};
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
        fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
        err(1, "client %lld", c->number);
}

static struct client *new_client(enum role role)
{
    struct client *c = calloc(1, sizeof(*c));
    if (c == NULL ||
        (c->sent_at = calloc(load.mask + 1, sizeof(*c->sent_at))) == NULL)
        err(1, "calloc");
    c->role = role;
    c->number = (long long)load.count;
    load.clients[load.count++] = c;
    return c;
}

// Connects, says what the protocol wants to hear first, and waits for nothing.
static void start_client(struct client *c)
{
    const struct protocol *p = options.protocol;
    connect_client(c);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        err(1, "epoll_ctl");
    char hello[HEAD_SIZE];
    if (c->role == NEWCOMER)
        write_all(c, p->knock, strlen(p->knock));
    else if (p->hello != NULL)
        write_all(c, hello, p->hello(hello, c));
    c->ready = p->ready == NULL;
    load.greeted += c->ready;
}

static struct client *add_client(enum role role)
{
    struct client *c = new_client(role);
    start_client(c);
    return c;
}

static void await_greetings(void)
{
    uint64_t end = now_ns() + PATIENCE * second;
    while (load.greeted < load.count) {
        if (now_ns() > end)
            errx(1, "%zu of %zu connections were greeted", load.greeted,
                 load.count);
        handle_events(100);
    }
}

// Adds clients, a few at a time, so that none has to wait in the backlog.
static void add_clients(enum role role, long count)
{
    for (long i = 1; i <= count; i++) {
        add_client(role);
        if (i % CONNECT_BATCH == 0 || i == count)
            await_greetings();
    }
}

// Puts the text and the protocol's tail behind a head of the given size;
// returns the size of all. The text is the same wherever it is compared.
static size_t finish_message(char *message, size_t size,
                             const struct client *from)
{
    char text[MAX_BYTES + 1];
    memset(text, '.', sizeof(text));
    snprintf(text, sizeof(text), "%0*d%7lld ", COUNT_DIGITS, 0, from->number);
    text[strlen(text)] = '.';
    memcpy(message + size, text, options.bytes);
    size += options.bytes;
    size_t tail_size = strlen(options.protocol->tail);
    memcpy(message + size, options.protocol->tail, tail_size);
    return size + tail_size;
}

// Has a send to b from now on.
static void introduce(struct client *a, struct client *b)
{
    size_t out_head = options.protocol->out_head(a->out, a, b);
    size_t in_head = options.protocol->in_head(b->in, a, b);
    a->partner = b;
    a->out_count = a->out + out_head;
    a->out_size = finish_message(a->out, out_head, a);
    b->in_count = b->in + in_head;
    b->in_size = finish_message(b->in, in_head, a);
}

// Adds those who take part in the flood, and makes a block of messages, each
// to the next victim.
static void prepare_flood(void)
{
    struct client *victims[FLOOD_BLOCK];
    size_t bytes = options.bytes;
    for (int i = 0; i < options.victims; i++)
        victims[i] = add_client(VICTIM);
    flood.flooder = add_client(FLOODER);
    await_greetings();
    for (int i = 0; i < options.victims; i++)
        if (epoll_ctl(load.epoll, EPOLL_CTL_DEL, victims[i]->fd, NULL) < 0)
            err(1, "epoll_ctl");
    options.bytes = FLOOD_BYTES; // the heads name it
    for (int i = 0; i < FLOOD_BLOCK; i++) {
        introduce(flood.flooder, victims[i % options.victims]);
        flood.block_size +=
            compose(flood.flooder, flood.block + flood.block_size, 0);
    }
    options.bytes = bytes;
    load.in_flight = 0;
}

// Fills the way to the victims, so that the flood is dammed up or thrown away
// when the measurement begins. Returns what each of them costs in bytes.
static long start_flood(void)
{
    long before = server_memory() + kernel_memory();
    prepare_flood();
    uint64_t fill = (uint64_t)options.victims * FLOOD_FILL;
    uint64_t now;
    uint64_t moved = flood.since = now_ns();
    while (now = now_ns(),
           flood.sent < fill && now - moved < FLOOD_STUCK * second / 1000) {
        uint64_t sent = flood.sent;
        send_flood(now, 1000);
        if (flood.sent > sent)
            moved = now;
        handle_events(1);
    }
    flood.since = now_ns();
    flood.sent_since = flood.sent;
    return (server_memory() + kernel_memory() - before) / options.victims;
}

// Both of a pair begin with half of what is in flight.
static void start_pairs(void)
{
    static char out[MAX_WINDOW * WIRE_SIZE];
    for (long i = 0; i < 2 * options.pairs; i += 2) {
        introduce(load.clients[i], load.clients[i + 1]);
        introduce(load.clients[i + 1], load.clients[i]);
    }
    for (long i = 0; i < 2 * options.pairs; i++) {
        struct client *c = load.clients[i];
        size_t size = 0;
        for (long k = i % 2; k < options.window; k += 2)
            size += compose(c, out + size, now_ns());
        write_all(c, out, size);
    }
}

// Waits for what is in flight. Returns how many messages have not come; their
// age is then their latency.
static uint64_t drain(void)
{
    bool patient = options.flood == 0;
    uint64_t end = now_ns() + (patient ? PATIENCE * second : second / 10);
    load.draining = true;
    while (load.in_flight > 0 && now_ns() < end)
        run_until(now_ns() + second / 1000);
    if (load.in_flight > 0 && patient)
        errx(1, "%llu messages were lost", (unsigned long long)load.in_flight);
    uint64_t now = now_ns();
    for (long i = 0; i < 2 * options.pairs; i++) {
        struct client *c = load.clients[i];
        for (uint64_t k = c->partner->received; k < c->sent; k++)
            load.latencies[bucket_of(now - c->sent_at[k & load.mask])]++;
    }
    return load.in_flight;
}

// A wave of newcomers, who must have been made: all connect, are greeted, and
// leave by a reset.
static void run_wave(void)
{
    load.greeted = 0;
    for (size_t i = 0; i < load.count; i++)
        start_client(load.clients[i]);
    await_greetings();
    for (size_t i = 0; i < load.count; i++) {
        load.clients[i]->carried = 0;
        close(load.clients[i]->fd);
    }
    load.messages += load.count;
}

static void run_waves_until(uint64_t end)
{
    while (now_ns() < end)
        run_wave();
}

// Runs the load and prints what came of it.
static void measure(void (*run)(uint64_t end), long idle_bytes,
                    long victim_bytes)
{
    uint64_t length = (uint64_t)(options.seconds * (double)second);
    run(now_ns() + length / 10); // caches, buffers and clock warm up
    memset(load.latencies, 0, sizeof(load.latencies));
    load.messages = 0;
    uint64_t start = now_ns();
    uint64_t own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t waited = waiting_time(getpid());
    uint64_t server_waited = waiting_time(options.server);
    uint64_t cpu = server_cpu();
    run(start + length);
    double elapsed = (double)(now_ns() - start);
    own = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
    waited = waiting_time(getpid()) - waited;
    server_waited = waiting_time(options.server) - server_waited;
    cpu = server_cpu() - cpu;
    double messages = (double)load.messages;
    uint64_t missing = drain();
    printf("rate=%.0f p50_us=%.1f p99_us=%.1f p999_us=%.1f",
           messages * 1e9 / elapsed, percentile(0.5), percentile(0.99),
           percentile(0.999));
    printf(" cpu_us=%.3f idle=%ld idle_bytes=%ld victim_bytes=%ld",
           messages > 0 ? (double)cpu / messages / 1000 : 0, options.idle,
           idle_bytes, victim_bytes);
    printf(" own_cpu=%.2f waited=%.3f server_waited=%.3f missing=%llu\n",
           (double)own / elapsed, (double)waited / elapsed,
           (double)server_waited / elapsed, (unsigned long long)missing);
}

static void measure_newcomers(void)
{
    options.pairs = 0;
    for (long i = 0; i < options.newcomers; i++)
        new_client(NEWCOMER);
    measure(run_waves_until, 0, 0);
}

static void measure_messages(void)
{
    add_clients(PLAYER, 2 * options.pairs);
    long before = server_memory();
    add_clients(IDLE, options.idle);
    long after = server_memory();
    long victim_bytes = options.flood > 0 ? start_flood() : 0;
    start_pairs();
    measure(run_until, options.idle > 0 ? (after - before) / options.idle : 0,
            victim_bytes);
}

static long parse_argument(char option, const char *text, long min, long max)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < min || number > max)
        errx(1, "-%c %s: expected a number from %ld to %ld", option, text, min,
             max);
    return number;
}

static const struct protocol *find_protocol(const char *name)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
        if (strcmp(protocols[i].name, name) == 0)
            return &protocols[i];
    errx(1, "%s: expected line, relay, resp, nats or mqtt", name);
}

__attribute__((noreturn)) static void usage(void)
{
    errx(1, "usage: load [-p pairs] [-w in-flight] [-b bytes] [-i idle] "
            "[-f flood-MB/s] [-v victims] [-n newcomers] [-t seconds] "
            "[-s server-pid] [-P protocol] host port");
}

static void parse_options(int argc, char **argv)
{
    int o;
    options.protocol = find_protocol("line");
    while ((o = getopt(argc, argv, "p:w:b:i:f:v:n:t:s:P:")) != -1) {
        if (o == 'p')
            options.pairs = parse_argument('p', optarg, 1, MAX_PAIRS);
        else if (o == 'w')
            options.window = parse_argument('w', optarg, 1, MAX_WINDOW);
        else if (o == 'b')
            options.bytes = parse_argument('b', optarg, MIN_BYTES, MAX_BYTES);
        else if (o == 'i')
            options.idle = parse_argument('i', optarg, 0, 2 * MAX_PAIRS);
        else if (o == 'f')
            options.flood = parse_argument('f', optarg, 1, 1000);
        else if (o == 'v')
            options.victims = parse_argument('v', optarg, 1, FLOOD_BLOCK);
        else if (o == 'n')
            options.newcomers = parse_argument('n', optarg, 1, MAX_PAIRS);
        else if (o == 't')
            options.seconds = strtod(optarg, NULL);
        else if (o == 's')
            options.server = (pid_t)parse_argument('s', optarg, 1, INT32_MAX);
        else if (o == 'P')
            options.protocol = find_protocol(optarg);
        else
            usage();
    }
    if (argc - optind != 2 || options.seconds <= 0)
        usage();
    if (options.newcomers > 0 && options.protocol->knock == NULL)
        errx(1, "-n: not with %s", options.protocol->name);
    options.host = argv[optind];
    options.port = argv[optind + 1];
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "setrlimit");
    const char *aside = options.protocol->aside;
    load.aside_size = aside != NULL ? strlen(aside) : 0;
    while (load.mask + 1 < (uint64_t)options.window)
        load.mask = 2 * load.mask + 1;
    size_t most = 2 * options.pairs + options.idle + options.victims + 1;
    load.clients = calloc(most + options.newcomers, sizeof(*load.clients));
    load.epoll = epoll_create1(0);
    if (load.clients == NULL || load.epoll < 0)
        err(1, "set-up");
    if (options.newcomers > 0)
        measure_newcomers();
    else
        measure_messages();
    return 0;
}
