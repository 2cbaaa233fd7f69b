// Fuzzes what step 7's server does with its clients' bytes: the functions
// themselves, from receive() to the outbox, with a kernel that is only played.
//
//   make fuzz                   or, by hand:
//   clang -g -O1 -fsanitize=fuzzer,address,undefined tests/fuzz/server.c
//   ./a.out -max_total_time=60 /tmp/found tests/fuzz/corpus
//
// An input reads as text that the clients send, in pieces. Bytes that are not
// found in UTF-8 steer: see play().

#define _GNU_SOURCE // as the server has it

// All that the server includes, before its calls are replaced.
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
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
#include <time.h>
#include <unistd.h>

static ssize_t play_read(int fd, char *data, size_t size);
static ssize_t play_write(int fd, const char *data, size_t size);
static int play_close(int fd);
static ssize_t play_recv(int fd);
static int play_shutdown(int fd);
static int play_poll(const struct pollfd *p);
static int play_epoll(int operation, int fd, struct epoll_event *event);
static bool fails(void);
static void *play_realloc(void *data, size_t size);
static void play_free(void *data);

#define main server_main
#define read(fd, data, size) play_read(fd, data, size)
#define write(fd, data, size) play_write(fd, data, size)
#define send(fd, data, size, flags) play_write(fd, data, size)
#define close(fd) play_close(fd)
#define recv(fd, data, size, flags) play_recv(fd)
#define shutdown(fd, how) play_shutdown(fd)
#define poll(fds, count, timeout) play_poll(fds)
#define setsockopt(fd, level, name, value, size) 0
#define epoll_ctl(epoll, operation, fd, event) play_epoll(operation, fd, event)
#define malloc(size) (fails() ? NULL : malloc(size))
#define calloc(count, size) (fails() ? NULL : calloc(count, size))
#define realloc(data, size) (fails() ? NULL : play_realloc(data, size))
#define free(data) play_free(data)

#include "../../step7-robust/server.c"

#undef malloc
#undef calloc
#undef realloc
#undef free

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PEERS = 8, // descriptors: the peers of one run
    LIMIT = 3, // clients, of these, that the server has places for
    LINE_SIZE = 320, // bytes: no line that the server sends is longer
    MOST_SENT = READ_SIZE * 2, // bytes, in one run
};

// The other end of a connection; its descriptor is its index.
struct peer {
    struct client *client; // NULL when it is closed
    const char *piece; // what it has sent and the server has not read
    size_t size;
    bool closes; // after the piece
    bool resets;
    bool is_deaf; // it takes nothing
    size_t takes; // bytes at a time; 0: all
    size_t filler; // bytes that are not checked
    size_t length;
    char line[LINE_SIZE];
};

static struct peer peers[PEERS];
static int peer_count;
static int failures; // of the next allocations
static char full[4 * MAX_OUTBOX]; // an outbox: to allocate one takes long

static bool fails(void)
{
    return failures > 0 && failures-- > 0;
}

// Ends the run, so that libFuzzer keeps the input.
static void require(bool holds, const char *what, const struct peer *p)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s; line: %.*s\n", what, (int)p->length, p->line);
    abort();
}

static void *play_realloc(void *data, size_t size)
{
    require(data != full || size <= sizeof(full), "bounded", &peers[0]);
    return data == full ? full : realloc(data, size);
}

static void play_free(void *data)
{
    if (data != full)
        free(data);
}

static ssize_t play_read(int fd, char *data, size_t size)
{
    struct peer *p = &peers[fd];
    require(size > 0, "there is room to read into", p);
    if (p->size == 0) {
        errno = p->resets ? ECONNRESET : EAGAIN;
        return p->closes && !p->resets ? 0 : -1;
    }
    size_t n = p->size < size ? p->size : size;
    memcpy(data, p->piece, n);
    p->piece += n;
    p->size -= n;
    return n;
}

// Returns whether the line reads as the form, in which # stands for a number.
static bool matches(const char *line, const char *form)
{
    while (*form != '\0') {
        size_t digits = *form == '#' ? strspn(line, "0123456789") : 1;
        if (digits == 0 || (*form != '#' && *line != *form))
            return false;
        line += digits;
        form++;
    }
    return *line == '\0';
}

// Returns whether the line is one that the server says for itself.
static bool is_reply(const char *line)
{
    return matches(line, "error: expected \"<number> <text>\"") ||
           matches(line, "error: message is longer than 250 bytes") ||
           matches(line, "error: client # is not connected") ||
           matches(line, "error: client # is not reading, "
                         "message not delivered") ||
           matches(line, "Your number is #") ||
           matches(line, "error: server is full") ||
           matches(line, "error: server is shutting down");
}

// Returns whether the line is a text with the number of somebody in front.
static bool is_message(const char *line)
{
    int digits = 0;
    while (line[digits] >= '0' && line[digits] <= '9')
        digits++;
    return digits == 1 && line[0] < '0' + PEERS &&
           strncmp(line + digits, "->> ", 4) == 0 &&
           line[digits + 4] != '\0' &&
           strlen(line + digits + 4) <= MAX_LINE - 2; // it had a number
}

static void check_line(struct peer *p)
{
    char *line = p->line;
    for (size_t i = 0; i < p->length; i++) {
        unsigned char byte = line[i];
        unsigned char next = line[i + 1];
        require(byte != 0x7f && (byte >= ' ' || byte == '\t'),
                "no control character is passed on", p);
        require(byte != 0xc2 || next < 0x80 || next > 0x9f,
                "no C1 control is passed on", p);
    }
    require(is_message(line) || is_reply(line), "a line is well-formed", p);
}

static void hear(struct peer *p, const char *data, size_t size)
{
    size_t skipped = p->filler < size ? p->filler : size;
    p->filler -= skipped;
    for (size_t i = skipped; i < size; i++) {
        require(p->length < LINE_SIZE - 1, "a line is short", p);
        p->line[p->length] = data[i] == '\n' ? '\0' : data[i];
        if (data[i] == '\n') {
            check_line(p);
            p->length = 0;
        } else {
            p->length++;
        }
    }
}

static ssize_t play_write(int fd, const char *data, size_t size)
{
    struct peer *p = &peers[fd];
    require(size > 0, "there is something to write", p);
    errno = p->resets ? EPIPE : EAGAIN;
    if (p->resets || p->is_deaf)
        return -1;
    size_t most = p->filler + p->takes;
    size_t n = p->takes > 0 && most < size ? most : size;
    hear(p, data, n);
    return n;
}

// All that has not been read is thrown away.
static ssize_t play_recv(int fd)
{
    struct peer *p = &peers[fd];
    ssize_t n = p->size;
    p->size = 0;
    if (n > 0)
        return n;
    return p->closes && !p->resets ? 0 : -1;
}

// There is no connection any more after a reset.
static int play_shutdown(int fd)
{
    return peers[fd].resets ? -1 : 0;
}

// Nothing is logged. A peer that is deaf leaves something unsent.
static int play_poll(const struct pollfd *p)
{
    if (p->fd >= PEERS)
        return 0;
    return !peers[p->fd].is_deaf || peers[p->fd].resets;
}

static int play_close(int fd)
{
    if (fd < PEERS)
        peers[fd].client = NULL;
    return 0;
}

static int play_epoll(int operation, int fd, struct epoll_event *event)
{
    if (operation == EPOLL_CTL_ADD)
        peers[fd].client = event->data.ptr;
    return 0;
}

// What holds between two turns.
static void check_clients(void)
{
    size_t count = 0;
    size_t most = MAX_OUTBOX;
    if (loop.deadline != 0)
        most += LINE_SIZE; // everybody has been told that the server ends
    require(loop.pending == NULL, "nobody is pending", &peers[0]);
    for (int i = 0; i < peer_count; i++) {
        struct peer *p = &peers[i];
        struct client *c = p->client;
        if (c == NULL)
            continue;
        count++;
        require(c->closing || find_client(c->number) == c, "it is found", p);
        require(c->waiting <= most, "the outbox is bounded", p);
        require(c->waiting <= c->capacity, "the outbox is large enough", p);
        require((c->outbox == NULL) == (c->capacity == 0), "all is freed", p);
        require((c->kept == NULL) == (c->kept_size == 0) || c->closing,
                "what is kept has a place", p);
        require(c->kept_size <= KEPT_SIZE, "what is kept is bounded", p);
        bool waits = (c->events & EPOLLOUT) != 0; // for the peer to take it
        require(!c->closing || waits || loop.deadline != 0,
                "who leaves is gone", p);
        require(c->closing || waits == (c->waiting > 0),
                "what waits is waited for", p);
    }
    require(count == pool.count, "the count is right", &peers[0]);
}

// One turn of the server for one client, as the kernel would have it.
static void turn(struct peer *p)
{
    struct client *c = p->client;
    if (c == NULL)
        return;
    uint32_t events = 0;
    if ((c->events & EPOLLOUT) && (!p->is_deaf || p->resets))
        events |= EPOLLOUT;
    if ((c->events & EPOLLIN) && (p->size > 0 || p->closes))
        events |= EPOLLIN;
    if (p->resets)
        events |= EPOLLHUP;
    if (events != 0)
        serve_client(c, events);
    end_turn();
    check_clients();
}

static void join(void)
{
    if (peer_count == PEERS)
        return;
    peers[peer_count] = (struct peer){0};
    if (pool.count < pool.limit)
        start_client(peer_count++, "an address");
    else
        refuse_client(peer_count++, "an address");
    end_turn();
    check_clients();
}

// Has the outbox of the peer's client almost full, as if much had been sent to
// it while it was deaf.
static void fill_outbox(struct peer *p)
{
    struct client *c = p->client;
    bool is_used = false;
    for (int i = 0; i < peer_count; i++)
        is_used |= peers[i].client && peers[i].client->outbox == full;
    if (c == NULL || c->outbox != NULL || is_used)
        return;
    c->outbox = full;
    c->capacity = MAX_OUTBOX;
    c->waiting = p->filler = MAX_OUTBOX - 400;
    p->length = 0;
    mark_pending(c);
    end_turn();
}

// Sends the piece, in reads as large as the server likes.
static void send_piece(struct peer *p, const char *piece, size_t size)
{
    if (p->client == NULL || size == 0)
        return;
    p->piece = piece;
    p->size = size;
    size_t before;
    do {
        before = p->size;
        turn(p);
    } while (p->size < before && p->size > 0);
    p->size = 0; // the rest, if it is not read from, is never sent
}

// Has the piece count times what it has once, if there is room: a long line,
// not a flood. Returns its length.
static size_t repeat(char *piece, size_t length, size_t count)
{
    size_t size = length;
    if (memchr(piece, '\n', length) != NULL)
        return length;
    for (size_t i = 1; i < count && size + length <= MOST_SENT; i++) {
        memcpy(piece + size, piece, length);
        size += length;
    }
    return size;
}

static void steer(struct peer *p, int how)
{
    switch (how) {
    case 0:
        join();
        break;
    case 1:
        p->is_deaf = !p->is_deaf;
        break;
    case 2:
        p->takes = p->takes > 0 ? 0 : 7;
        break;
    case 3:
        p->closes = true;
        break;
    case 4:
        p->closes = p->resets = true;
        break;
    case 5:
        fill_outbox(p);
        break;
    case 6:
        failures = 1;
        break;
    case 7:
        if (loop.deadline == 0)
            stop();
        end_turn();
        break;
    default:
        break;
    }
    turn(p);
}

// Plays an input: its bytes are pieces of text, each ended by one of these
// from 0xfb on; 0xff only has the next byte taken as it is.
static void play(const char *data, size_t size)
{
    static char piece[MOST_SENT];
    size_t length = 0;
    size_t sent = 0;
    int speaker = 0;
    for (size_t i = 0; i < size && sent + length < MOST_SENT; i++) {
        unsigned char byte = data[i];
        int next = i + 1 < size ? (unsigned char)data[i + 1] : 0;
        if (byte < 0xfb || byte == 0xff) {
            piece[length++] = byte == 0xff ? (char)next : data[i];
            i += byte == 0xff;
            continue;
        }
        if (byte == 0xfe) // so often
            length = repeat(piece, length, next);
        send_piece(&peers[speaker], piece, length);
        sent += length;
        length = 0;
        if (byte == 0xfc) // somebody else speaks
            speaker = (speaker + 1) % peer_count;
        if (byte == 0xfd) // the next one says what happens
            steer(&peers[speaker], next % 8);
        i += byte >= 0xfd;
    }
    send_piece(&peers[speaker], piece, length);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    pool.limit = LIMIT;
    pool.clients = calloc(pool.limit, sizeof(*pool.clients));
    loop.listener = loop.signals = loop.log = PEERS;
    return pool.clients == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pool.next_number = 0;
    loop.deadline = 0;
    peer_count = failures = 0;
    join();
    join();
    play((const char *)data, size);
    // Everybody leaves, after it has taken what it is owed.
    failures = 0;
    for (int i = 0; i < peer_count; i++) {
        peers[i].is_deaf = false;
        peers[i].closes = true;
        peers[i].takes = 0;
        turn(&peers[i]);
        turn(&peers[i]);
        require(peers[i].client == NULL, "it has left", &peers[i]);
    }
    return 0;
}
