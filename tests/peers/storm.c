// The load and the attacks on step 7's server that bash is too slow for. Each
// checks what it gets, and ends with status 1 where that is wrong.
//
//   storm probe PORT COUNT         sends COUNT messages from one client to
//                                  another, prints how long they took
//   storm push PORT BYTES          sends to a client that does not read, until
//                                  BYTES were refused; then waits *, reads
//   storm shuffle PORT COUNT SEED  COUNT clients come, send, go at random:
//                                  does each get only what is meant for it?
//   storm many PORT SENDERS COUNT  each sends COUNT lines, in pieces, to one
//                                  client: is every line whole and in order?
//   storm endless PORT COUNT BYTES COUNT clients send BYTES without a newline,
//                                  wait *, and then end the line
//   storm flood PORT LINE          sends LINE over and over, reads replies,
//                                  until stdin or the server ends
//   storm fair PORT SENDERS MS     all send to one client as fast as they can:
//                                  prints the smallest part of one of them
//   storm owed PORT                sends and does not read until nothing is
//                                  taken, half-closes: do all replies come?
//   storm leaving PORT             is sent more than it takes, half-closes: is
//                                  the sender told, and does all else come?
//   storm unread PORT PID          sends and does not read until nothing is
//                                  taken, ends the server, reads: is it told?
//   storm typing PORT PID          is sent more than it takes, ends the
//                                  server, reads and sends: is it told?
//   storm slam PORT COUNT          COUNT clients close with much unread
//   storm burst PORT COUNT         COUNT clients connect at the same moment
//   storm muted PORT NUMBER        another fills the outbox of a client that
//                                  does not read, but sends to NUMBER; waits *
//   storm hoard PORT               sends 64 MB without a newline, then empty
//                                  lines until nothing is taken; waits *
//   storm deafs PORT COUNT         COUNT clients don't read and are sent as
//                                  much as is taken; waits *
//   storm floods PORT COUNT        COUNT clients send empty lines, until stdin
//                                  ends
//   storm again PORT COUNT         COUNT times: joins, sends CHUNK bytes to
//                                  itself, half-closes, reads nothing; waits *
//   storm slow PORT BYTES SECONDS  reads BYTES a second, while more waits for
//                                  it than it takes: is it kept?
//   storm rage PORT COUNT PID      COUNT clients send empty lines, the server
//                                  is ended: how soon is another one told?
//   storm options PID              the options of a server's connections
//   storm mix PORT SECONDS SEED    60 clients at a time, good and bad ones
//
// *: prints a line when it gets there, goes on when stdin ends.

#define _GNU_SOURCE // SYS_pidfd_open, struct tcp_info

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum {
    LIFETIME = 150, // s, and what mix is asked for
    PATIENCE = 20, // s that an answer may take on a busy machine
    ACTORS = 60, // of mix, at a time
    CROWD = 40, // of shuffle, at a time
    EMPTY_LINES = 512, // from one client at a time: each has a longer answer
    IN_FLIGHT = 128 * 1024, // bytes that many has on their way
    LAST_LINES = 100, // of typing: the kernel has room for them
};

static int patience; // ms

struct peer {
    int fd;
    long long number;
    size_t start; // of what take_line has not taken yet
    size_t end;
    char buffer[CHUNK];
};

static const char too_long[] = "error: message is longer than 250 bytes";
static const char bad_form[] = "error: expected \"<number> <text>\"";
static const char leaves[] = "error: server is shutting down";

static long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void say(const struct peer *p, const char *line)
{
    if (!send_all(p->fd, line, strlen(line)))
        err(1, "send");
}

// Reads once, what is there. Returns what recv() does.
static ssize_t receive(struct peer *p)
{
    memmove(p->buffer, p->buffer + p->start, p->end - p->start);
    p->end -= p->start;
    p->start = 0;
    if (p->end == sizeof(p->buffer))
        errx(1, "got a line of more than %d bytes", CHUNK);
    ssize_t n = recv(p->fd, p->buffer + p->end, sizeof(p->buffer) - p->end,
                     MSG_DONTWAIT);
    if (n > 0)
        p->end += n;
    return n;
}

// Takes the next whole line out of the buffer, or returns NULL.
static char *take_line(struct peer *p)
{
    char *line = p->buffer + p->start;
    char *newline = memchr(line, '\n', p->end - p->start);
    if (newline == NULL)
        return NULL;
    *newline = '\0';
    p->start = newline + 1 - p->buffer;
    return line;
}

// Waits for a line. Returns NULL when the connection ends instead.
static char *hear(struct peer *p)
{
    char *line;
    while ((line = take_line(p)) == NULL) {
        struct pollfd in = {.fd = p->fd, .events = POLLIN};
        if (poll(&in, 1, patience) == 0)
            errx(1, "waited in vain for a line");
        if (receive(p) <= 0)
            return NULL;
    }
    return line;
}

static void expect(struct peer *p, const char *text)
{
    const char *line = hear(p);
    if (line == NULL || strcmp(line, text) != 0)
        errx(1, "expected: %s, and got: %s", text, line ? line : "the end");
}

// The same, but others may have written to the peer, too.
static void wait_for(struct peer *p, const char *text)
{
    const char *line;
    while ((line = hear(p)) != NULL && strcmp(line, text) != 0)
        ;
    if (line == NULL)
        errx(1, "expected: %s, and got the end", text);
}

static void read_number(struct peer *p)
{
    const char *line = hear(p);
    if (line == NULL || sscanf(line, "Your number is %lld", &p->number) != 1)
        errx(1, "no number but: %s", line ? line : "the end");
}

static struct peer *join(const char *port, bool small)
{
    struct peer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        err(1, "calloc");
    p->fd = connect_to(port, small);
    read_number(p);
    return p;
}

static void leave(struct peer *p)
{
    close(p->fd);
    free(p);
}

// Sends as send_some() does; the connection has to be there.
static size_t offer(const struct peer *p, const char *lines, size_t length,
                    size_t sent)
{
    ssize_t n = send_some(p->fd, lines, length, sent);
    if (n < 0)
        err(1, "send");
    return n;
}

static int compare(const void *a, const void *b)
{
    const long long *x = a;
    const long long *y = b;
    return (*x > *y) - (*x < *y);
}

static void probe(char **arguments)
{
    const char *port = arguments[0];
    long count = parse_count(arguments[1]);
    struct peer *from = join(port, false);
    struct peer *to = join(port, false);
    long long *took = calloc(count, sizeof(*took));
    if (took == NULL)
        err(1, "calloc");
    for (long i = 0; i < count; i++) {
        char line[64];
        long long start = now_us();
        snprintf(line, sizeof(line), "%lld probe %ld\n", to->number, i);
        say(from, line);
        snprintf(line, sizeof(line), "%lld->> probe %ld", from->number, i);
        wait_for(to, line);
        took[i] = now_us() - start;
        poll(NULL, 0, 1); // to see more than one moment of the server
    }
    qsort(took, count, sizeof(*took), compare);
    printf("median %lld p99 %lld worst %lld us\n", took[count / 2],
           took[count * 99 / 100], took[count - 1]);
    free(took);
    leave(from);
    leave(to);
}

// Ends the program unless reply says that number does not read.
static void check_refusal(const char *reply, long long number)
{
    char refusal[100];
    snprintf(refusal, sizeof(refusal),
             "error: client %lld is not reading, message not delivered",
             number);
    if (strcmp(reply, refusal) != 0)
        errx(1, "no refusal but: %s", reply);
}

// Takes what has come, all refusals. Returns how many.
static long count_refusals(struct peer *p, long long number)
{
    long count = 0;
    const char *line;
    for (; (line = take_line(p)) != NULL; count++)
        check_refusal(line, number);
    return count;
}

// The line that fill() sends to number. It lasts until the next call.
static const char *filler_to(long long number)
{
    static char line[256];
    snprintf(line, sizeof(line), "%lld %0200d\n", number, 0);
    return line;
}

// What arrives of it when number has sent it.
static const char *filler_from(long long number)
{
    static char line[256];
    snprintf(line, sizeof(line), "%lld->> %0200d", number, 0);
    return line;
}

// Sends a line over and over to number, who does not read, until so many bytes
// were refused. Returns how many lines were not, and so are on their way.
static long fill(struct peer *from, long long number, long bytes)
{
    const char *line = filler_to(number);
    char lines[CHUNK];
    size_t length = repeat(lines, line);
    size_t size = strlen(line);
    size_t sent = 0;
    size_t refused = 0;
    struct pollfd fd = {.fd = from->fd, .events = POLLIN | POLLOUT};
    while ((long)(refused * size) < bytes && poll(&fd, 1, patience) > 0) {
        if (fd.revents & POLLOUT)
            sent += offer(from, lines, length, sent);
        if (fd.revents & POLLIN && receive(from) <= 0)
            errx(1, "the sender lost its connection");
        refused += count_refusals(from, number);
    }
    say(from, line + sent % size); // the rest of a line
    sent += size - sent % size;
    say(from, "was that all?\n");
    const char *reply;
    for (; (reply = hear(from)) && strcmp(reply, bad_form); refused++)
        check_refusal(reply, number);
    printf("%zu of %zu lines refused\n", refused, sent / size);
    return (long)(sent / size - refused);
}

static void push(char **arguments)
{
    const char *port = arguments[0];
    long bytes = parse_count(arguments[1]);
    struct peer *to = join(port, true);
    struct peer *from = join(port, false);
    long lines = fill(from, to->number, bytes);
    wait_for_stdin_to_end();
    for (; lines > 0; lines--)
        expect(to, filler_from(from->number));
    printf("all others came\n");
    leave(from);
    leave(to);
}

// Sends a line to number, who leaves. Returns true if it was said to be gone.
// Otherwise the line was refused, or it is on its way and *lines counts it.
static bool is_gone(struct peer *from, long long number, long *lines)
{
    char gone[64];
    snprintf(gone, sizeof(gone), "error: client %lld is not connected",
             number);
    say(from, filler_to(number));
    say(from, "what now?\n");
    const char *reply = hear(from);
    if (reply == NULL)
        errx(1, "the sender lost its connection");
    if (strcmp(reply, bad_form) == 0) {
        ++*lines;
        return false;
    }
    bool told = strcmp(reply, gone) == 0;
    if (!told)
        check_refusal(reply, number);
    expect(from, bad_form);
    return told;
}

static void leaving(char **arguments)
{
    const char *port = arguments[0];
    struct peer *to = join(port, true);
    struct peer *from = join(port, false);
    long lines = fill(from, to->number, 1);
    shutdown(to->fd, SHUT_WR);
    long long end = now_us() + patience * 1000LL;
    while (!is_gone(from, to->number, &lines))
        if (now_us() > end)
            errx(1, "a client that has half-closed does not leave");
    for (; lines > 0; lines--)
        expect(to, filler_from(from->number));
    if (hear(to) != NULL)
        errx(1, "more lines than were sent before it left");
    printf("it got what it was owed\n");
    leave(from);
    leave(to);
}

// Reads what there is for the peer, and ends the program if it is meant for
// somebody else.
static void check_mail(struct peer *p)
{
    while (receive(p) > 0) {
        const char *line;
        while ((line = take_line(p)) != NULL) {
            long long from;
            long long number;
            if (sscanf(line, "%lld->> for %lld", &from, &number) == 2
                    ? number != p->number
                    : sscanf(line, "error: client %lld is not c", &from) != 1)
                errx(1, "client %lld got: %s", p->number, line);
        }
    }
}

static void shuffle(char **arguments)
{
    const char *port = arguments[0];
    long count = parse_count(arguments[1]);
    srand((unsigned)parse_count(arguments[2]));
    struct peer *peers[CROWD] = {NULL};
    long long newest = 0;
    for (long joined = 0; joined < count;) {
        struct peer **p = &peers[rand() % CROWD];
        if (*p != NULL && rand() % 4 == 0) {
            if (rand() % 2 == 0)
                check_mail(*p); // else it closes with unread input
            leave(*p);
            *p = NULL;
        }
        if (*p == NULL) {
            *p = join(port, false);
            newest = (*p)->number;
            joined++;
        }
        for (int i = 0; i < 8; i++) {
            long long to = newest - rand() % (2 * CROWD);
            char line[128];
            snprintf(line, sizeof(line), "%lld for %lld\n", to < 0 ? 0 : to,
                     to < 0 ? 0 : to);
            say(*p, line);
        }
        for (int i = 0; i < CROWD; i++)
            if (peers[i] != NULL && rand() % 16 == 0)
                check_mail(peers[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        if (peers[i] == NULL)
            continue;
        check_mail(peers[i]);
        leave(peers[i]);
    }
    printf("all got their own\n");
}

struct sender {
    struct peer *peer;
    long next; // line to send
    long expected; // line to arrive
    char line[256];
    size_t rest; // bytes of line that were not sent yet
};

// The j-th letter of a text.
static char letter(int j)
{
    return (char)('a' + j % 26);
}

// Sends a piece of a line, or the rest of it. Returns how many bytes.
static size_t send_piece(struct sender *s, long long to, int id)
{
    if (s->rest == 0) {
        int length = sprintf(s->line, "%lld %d %ld ", to, id, s->next++);
        int letters = rand() % 200;
        for (int j = 0; j < letters; j++)
            s->line[length++] = letter(j);
        s->rest = stpcpy(s->line + length, ".\n") - s->line;
    }
    const char *rest = s->line + strlen(s->line) - s->rest;
    size_t size = 1 + rand() % s->rest;
    if (!send_all(s->peer->fd, rest, size))
        err(1, "send");
    s->rest -= size;
    return size;
}

// Checks a line as send_piece makes them, but for who is named as the sender.
static void check_line(const char *line, struct sender *senders, int count)
{
    long long from;
    int id;
    long i;
    int text;
    if (sscanf(line, "%lld->> %d %ld %n", &from, &id, &i, &text) != 3 ||
        id < 0 || id >= count || senders[id].peer->number != from ||
        senders[id].expected++ != i)
        errx(1, "a broken line: %s", line);
    int j = 0;
    while (line[text + j] == letter(j))
        j++;
    if (strcmp(line + text + j, ".") != 0)
        errx(1, "a broken line: %s", line);
}

static void many(char **arguments)
{
    const char *port = arguments[0];
    int count = (int)parse_count(arguments[1]);
    long lines = parse_count(arguments[2]);
    struct peer *to = join(port, false);
    struct sender *senders = calloc(count, sizeof(*senders));
    if (senders == NULL)
        err(1, "calloc");
    for (int i = 0; i < count; i++)
        senders[i].peer = join(port, false);
    long left = lines * count;
    size_t sent = 0;
    size_t got = 0; // bytes, less the senders' numbers, which are longer
    while (left > 0) {
        int id = rand() % count;
        bool wait = true;
        for (int i = 0; wait && i < count; i++, id = (id + 1) % count) {
            struct sender *s = &senders[id];
            if (sent > got + IN_FLIGHT || (s->next == lines && s->rest == 0))
                continue;
            sent += send_piece(s, to->number, id);
            wait = false;
        }
        struct pollfd in = {.fd = to->fd, .events = POLLIN};
        if (wait && poll(&in, 1, patience) == 0)
            errx(1, "%ld lines are missing", left);
        if (wait && receive(to) <= 0)
            errx(1, "the receiver lost its connection");
        const char *line;
        while ((line = take_line(to)) != NULL) {
            got += strlen(line);
            check_line(line, senders, count);
            left--;
        }
    }
    for (int i = 0; i < count; i++)
        leave(senders[i].peer);
    free(senders);
    leave(to);
    printf("all lines are whole\n");
}

static void endless(char **arguments)
{
    const char *port = arguments[0];
    long count = parse_count(arguments[1]);
    long bytes = parse_count(arguments[2]);
    struct peer **peers = calloc(count, sizeof(struct peer *));
    if (peers == NULL)
        err(1, "calloc");
    for (long i = 0; i < count; i++)
        peers[i] = join(port, false);
    char text[CHUNK];
    memset(text, 'x', sizeof(text));
    for (long sent = 0; sent < bytes; sent += CHUNK)
        for (long i = 0; i < count; i++)
            if (!send_all(peers[i]->fd, text,
                          bytes - sent < CHUNK ? bytes - sent : CHUNK))
                err(1, "send");
    printf("sent\n");
    wait_for_stdin_to_end();
    for (long i = 0; i < count; i++) {
        if (receive(peers[i]) >= 0)
            errx(1, "it was answered before it had ended");
        say(peers[i], "\nhello\n");
        expect(peers[i], too_long);
        expect(peers[i], bad_form);
        leave(peers[i]);
    }
    free(peers);
    printf("each was answered once\n");
}

static void flood(char **arguments)
{
    struct peer *p = join(arguments[0], false);
    char line[CHUNK / 2];
    snprintf(line, sizeof(line), "%s\n", arguments[1]);
    char lines[CHUNK];
    size_t length = repeat(lines, line);
    size_t sent = 0;
    bool told = false;
    struct pollfd fds[] = {{.fd = p->fd, .events = POLLIN | POLLOUT},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    printf("begins\n");
    fflush(stdout);
    while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
        ssize_t n = 0;
        if (fds[0].revents & POLLOUT)
            n = send_some(p->fd, lines, length, sent);
        if (n < 0)
            fds[0].events = POLLIN; // the server has closed
        else
            sent += n;
        if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && receive(p) <= 0)
            break;
        const char *reply;
        while ((reply = take_line(p)) != NULL)
            told = told || strcmp(reply, leaves) == 0;
    }
    printf("ends, %s\n", told ? "told" : "not told");
    leave(p);
}

static void fair(char **arguments)
{
    const char *port = arguments[0];
    int count = (int)parse_count(arguments[1]);
    long ms = parse_count(arguments[2]);
    struct peer *to = join(port, false);
    struct peer **from = calloc(count, sizeof(struct peer *));
    struct pollfd *fds = calloc(count + 1, sizeof(*fds));
    size_t *sent = calloc(count, sizeof(*sent));
    long *got = calloc(count, sizeof(*got));
    if (from == NULL || fds == NULL || sent == NULL || got == NULL)
        err(1, "calloc");
    for (int i = 0; i < count; i++) {
        from[i] = join(port, false);
        fds[i] = (struct pollfd){from[i]->fd, POLLIN | POLLOUT, 0};
    }
    fds[count] = (struct pollfd){to->fd, POLLIN, 0};
    char line[64];
    snprintf(line, sizeof(line), "%lld hello, reader\n", to->number);
    char lines[CHUNK];
    size_t length = repeat(lines, line);
    long long end = now_us() + ms * 1000;
    long all = 0;
    while (now_us() < end && poll(fds, count + 1, patience) > 0) {
        for (int i = 0; i < count; i++) {
            if (fds[i].revents & POLLOUT)
                sent[i] += offer(from[i], lines, length, sent[i]);
            if (fds[i].revents & POLLIN && receive(from[i]) > 0)
                count_refusals(from[i], to->number);
        }
        if (fds[count].revents & POLLIN)
            receive(to);
        const char *text;
        for (; (text = take_line(to)) != NULL; all++)
            got[strtoll(text, NULL, 10) - from[0]->number]++;
    }
    qsort(got, count, sizeof(*got), compare);
    printf("%ld lines, least %ld, most %ld, %ld permille\n", all, got[0],
           got[count - 1], all > 0 ? got[0] * 1000 / all : 0);
}

static void owed(char **arguments)
{
    struct peer *p = join(arguments[0], true);
    size_t sent = congest(p->fd, "hello\n");
    shutdown(p->fd, SHUT_WR);
    size_t lines_sent = sent / strlen("hello\n");
    for (size_t i = 0; i < lines_sent; i++)
        expect(p, bad_form);
    if (hear(p) != NULL)
        errx(1, "more replies than lines");
    printf("%zu replies, %zu KB\n", lines_sent,
           lines_sent * sizeof(bad_form) / 1000);
    leave(p);
}

static void unread(char **arguments)
{
    struct peer *p = join(arguments[0], false);
    congest(p->fd, "hello\n");
    if (kill((pid_t)parse_count(arguments[1]), SIGTERM) < 0)
        err(1, "kill");
    size_t replies = 0;
    const char *line;
    for (; (line = hear(p)) && strcmp(line, bad_form) == 0; replies++)
        ;
    if (line == NULL || strcmp(line, leaves) != 0)
        errx(1, "after %zu replies: %s", replies, line ? line : "the end");
    if (hear(p) != NULL)
        errx(1, "a line after the last one");
    printf("%zu replies, and told\n", replies);
    leave(p);
}

// It goes on to type when the server has sent all, and much of it is still in
// the kernel.
static void typing(char **arguments)
{
    const char *port = arguments[0];
    struct peer *to = join(port, false);
    struct peer *from = join(port, false);
    long lines = fill(from, to->number, 1);
    if (kill((pid_t)parse_count(arguments[1]), SIGTERM) < 0)
        err(1, "kill");
    struct pollfd end = {.fd = to->fd, .events = POLLRDHUP};
    for (long left = lines; left > 0; left--) {
        expect(to, filler_from(from->number));
        if (left == LAST_LINES) // until the server has sent all
            poll(&end, 1, patience);
        if (left < lines / 2)
            say(to, "is anybody there?\n");
    }
    expect(to, leaves);
    if (hear(to) != NULL)
        errx(1, "a line after the last one");
    printf("%ld lines, and told\n", lines);
    leave(from);
    leave(to);
}

static void slam(char **arguments)
{
    const char *port = arguments[0];
    long count = parse_count(arguments[1]);
    struct peer *from = join(port, false);
    char lines[CHUNK];
    for (long i = 0; i < count; i++) {
        struct peer *to = join(port, false);
        char line[32];
        snprintf(line, sizeof(line), "%lld hello\n", to->number);
        size_t length = repeat(lines, line);
        // It is sent to by another, or it wants replies itself, and more than
        // the server has read when it closes.
        const struct peer *talker = i % 2 == 0 ? from : to;
        if (!send_all(talker->fd, lines, length))
            err(1, "send");
        struct pollfd in = {.fd = to->fd, .events = POLLIN};
        poll(&in, 1, patience);
        leave(to); // a reset: it has not read all
        while (receive(from) > 0)
            while (take_line(from) != NULL)
                ;
    }
    printf("all are gone\n");
    leave(from);
}

// Returns how often the kernel had to send something again.
static unsigned retransmits(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    return info.tcpi_total_retrans;
}

static void raise_file_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void burst(char **arguments)
{
    long count = parse_count(arguments[1]);
    raise_file_limit();
    struct sockaddr_in address = loopback(arguments[0]);
    int *fds = calloc(count, sizeof(*fds));
    if (fds == NULL)
        err(1, "calloc");
    long long start = now_us();
    for (long i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (fds[i] < 0)
            err(1, "socket");
        if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) <
                0 &&
            errno != EINPROGRESS)
            err(1, "connect");
    }
    unsigned again = 0;
    for (long i = 0; i < count; i++) {
        struct pollfd in = {.fd = fds[i], .events = POLLIN};
        char greeting[64];
        if (poll(&in, 1, patience) == 0 ||
            recv(fds[i], greeting, sizeof(greeting), 0) <= 0 ||
            strncmp(greeting, "Your number is ", 15) != 0)
            errx(1, "connection %ld was not greeted", i + 1);
        again += retransmits(fds[i]);
    }
    printf("%ld connections in %lld ms, %u retransmits\n", count,
           (now_us() - start) / 1000, again);
    for (long i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
}

static void muted(char **arguments)
{
    struct peer *to = join(arguments[0], true);
    struct peer *from = join(arguments[0], false);
    fill(from, to->number, 1);
    char line[64];
    snprintf(line, sizeof(line), "%lld x\n", to->number);
    for (int i = 0; i < CROWD; i++) // up to the last bytes
        say(from, line);
    say(from, "was that all?\n");
    wait_for(from, bad_form);
    snprintf(line, sizeof(line), "%s I am here\n", arguments[1]);
    say(to, line);
    printf("said\n");
    wait_for_stdin_to_end();
}

static void hoard(char **arguments)
{
    int fd = connect_to(arguments[0], false);
    char text[CHUNK];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 1000; i++)
        if (!send_all(fd, text, sizeof(text)))
            err(1, "send");
    congest(fd, "\n");
    printf("full\n");
    wait_for_stdin_to_end();
}

static void deafs(char **arguments)
{
    const char *port = arguments[0];
    long count = parse_count(arguments[1]);
    struct peer *from = join(port, false);
    for (long i = 0; i < count; i++)
        fill(from, join(port, false)->number, 1);
    printf("filled\n");
    wait_for_stdin_to_end();
}

static void again(char **arguments)
{
    const char *port = arguments[0];
    long count = parse_count(arguments[1]);
    long full = 0;
    for (long i = 0; i < count; i++) {
        int fd = connect_to(port, true);
        char line[64];
        long long number;
        if (!read_line(fd, line, sizeof(line)))
            errx(1, "no answer");
        if (sscanf(line, "Your number is %lld", &number) == 1) {
            char lines[CHUNK];
            send_all(fd, lines, repeat(lines, filler_to(number)));
            shutdown(fd, SHUT_WR);
        } else {
            full++;
            close(fd);
        }
    }
    printf("done, %ld times full\n", full);
    wait_for_stdin_to_end();
}

static void slow(char **arguments)
{
    size_t bytes = parse_count(arguments[1]);
    long seconds = parse_count(arguments[2]);
    alarm((unsigned)(LIFETIME + seconds));
    struct peer *to = join(arguments[0], false);
    struct peer *from = join(arguments[0], false);
    char data[CHUNK];
    for (long second = 0; second < seconds; second++) {
        fill(from, to->number, 1);
        sleep(1); // that is what it is about
        if (recv(to->fd, data, bytes, 0) <= 0)
            errx(1, "lost after %ld s", second);
    }
    printf("kept\n");
}

// Sends so many empty lines, as far as they are taken, and throws away what
// comes.
static void rage_at(int fd, size_t count)
{
    static char lines[CHUNK];
    memset(lines, '\n', count);
    send(fd, lines, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    recv(fd, NULL, CHUNK, MSG_DONTWAIT | MSG_TRUNC);
}

static int *connect_many(const char *port, long count)
{
    raise_file_limit();
    int *fds = calloc(count, sizeof(*fds));
    if (fds == NULL)
        err(1, "calloc");
    for (long i = 0; i < count; i++)
        fds[i] = connect_to(port, false);
    return fds;
}

static void floods(char **arguments)
{
    long count = parse_count(arguments[1]);
    int *fds = connect_many(arguments[0], count);
    printf("all begin\n");
    fflush(stdout);
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&in, 1, 0) == 0)
        for (long i = 0; i < count; i++)
            rage_at(fds[i], CHUNK);
}

// Until the peer is told that the server ends.
static void rage_until_told(const int *fds, long count, struct peer *p)
{
    const char *line = NULL;
    for (long i = 0; line == NULL; i = (i + 1) % count) {
        rage_at(fds[i], EMPTY_LINES);
        if (i % 64 == 0 && receive(p) == 0)
            errx(1, "the end of the stream, and not told");
        line = take_line(p);
    }
    if (strcmp(line, leaves) != 0)
        errx(1, "expected: %s, and got: %s", leaves, line);
}

static void rage(char **arguments)
{
    const char *port = arguments[0];
    long count = parse_count(arguments[1]);
    struct peer *p = join(port, false);
    int *fds = connect_many(port, count);
    for (long i = 0; i < 4 * count; i++)
        rage_at(fds[i % count], EMPTY_LINES);
    long long start = now_us();
    if (kill((pid_t)parse_count(arguments[2]), SIGTERM) < 0)
        err(1, "kill");
    rage_until_told(fds, count, p);
    printf("told after %lld ms\n", (now_us() - start) / 1000);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    if (getsockopt(fd, level, name, &value, &size) < 0)
        err(1, "getsockopt");
    return value;
}

// Asks the kernel for the server's own descriptors: no trace, no parsing.
static void options(char **arguments)
{
    int process = (int)syscall(SYS_pidfd_open, parse_count(arguments[0]), 0);
    if (process < 0)
        err(2, "pidfd_open");
    for (int i = 0; i < 100; i++) {
        int fd = (int)syscall(SYS_pidfd_getfd, process, i, 0);
        if (fd < 0 && errno != EBADF)
            err(2, "pidfd_getfd");
        struct sockaddr_in peer;
        socklen_t size = sizeof(peer);
        if (fd >= 0 && getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
            printf("keepalive %d idle %d interval %d user_timeout %d "
                   "nodelay %d nonblock %d\n",
                   option_of(fd, SOL_SOCKET, SO_KEEPALIVE),
                   option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE),
                   option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL),
                   option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
                   option_of(fd, IPPROTO_TCP, TCP_NODELAY),
                   (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        if (fd >= 0)
            close(fd);
    }
}

enum role {
    TALKER, // sends a message now and then
    FLOODER, // sends as much as it can
    DEAF, // sends, does not read, and closes
    HALF_CLOSER, // sends, half-closes, reads to the end
    RESETTER, // resets
    BABBLER, // sends random bytes
    DRIBBLER, // sends byte by byte
    ROLES,
};

struct actor {
    struct peer *peer;
    enum role role;
    long long end; // us
    bool half_closed;
};

static long long latest; // number that an actor was given
static long arrived; // actors
static long checked; // lines

// Ends the program if a line is not one that a server sends, or if it could
// do something to a terminal.
static void check_form(const char *line)
{
    size_t digits = strspn(line, "0123456789");
    bool message = digits > 0 && strncmp(line + digits, "->> ", 4) == 0;
    if (!message && strncmp(line, "error: ", 7) != 0)
        errx(1, "got: %s", line);
    if (strlen(line) > 270)
        errx(1, "got a line of %zu bytes", strlen(line));
    for (const char *p = line; *p != '\0'; p++)
        if (iscntrl((unsigned char)*p) && *p != '\t')
            errx(1, "got a control character: %s", line);
    checked++;
}

static void enter(struct actor *a, const char *port)
{
    a->role = rand() % ROLES;
    a->peer = join(port, a->role == DEAF);
    a->end = now_us() + (50 + rand() % 2000) * 1000LL;
    a->half_closed = false;
    latest = a->peer->number;
    arrived++;
}

// Returns the number of bytes that the actor sends now.
static size_t compose(const struct actor *a, char *text, size_t size)
{
    long long to = latest - rand() % ACTORS;
    size_t length =
        snprintf(text, size, "%lld %.*s\n", to < 0 ? 0 : to, 1 + rand() % 40,
                 "a text that is neither short nor very long");
    if (a->role == DRIBBLER)
        text[0] = "0123456789 hello\n"[rand() % 17];
    if (a->role == DRIBBLER)
        return 1;
    if (a->role == BABBLER)
        for (length = 0; length < size / 8; length++)
            text[length] = (char)rand();
    if (a->role == FLOODER || a->role == DEAF)
        for (; length * 2 < size; length *= 2)
            memcpy(text + length, text, length);
    return length;
}

static void act(struct actor *a)
{
    char text[4096];
    size_t length = compose(a, text, sizeof(text));
    if (!a->half_closed)
        send(a->peer->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// Has the actor end in the manner of its role. Returns false while it stays.
static bool exit_stage(struct actor *a)
{
    if (a->role == HALF_CLOSER && !a->half_closed) {
        shutdown(a->peer->fd, SHUT_WR);
        a->half_closed = true;
        a->end += patience * 1000LL;
        return false;
    }
    if (a->half_closed)
        errx(1, "the server does not end a half-closed connection");
    if (a->role == RESETTER)
        reset(a->peer->fd);
    else
        close(a->peer->fd);
    free(a->peer);
    return true;
}

// Reads and checks. Returns false at the end of the stream.
static bool listen_to(struct actor *a)
{
    ssize_t n = receive(a->peer);
    if (n < 0 && errno != EAGAIN)
        err(1, "receive");
    const char *line;
    while ((line = take_line(a->peer)) != NULL)
        check_form(line);
    if (n == 0 && !a->half_closed)
        errx(1, "the server has closed the connection of a client that stays");
    return n != 0;
}

static void play(struct actor *a, short events, const char *port)
{
    if (events & POLLIN && a->role != DEAF && !listen_to(a)) {
        leave(a->peer);
        enter(a, port);
    }
    bool eager = a->role != TALKER && a->role != DRIBBLER;
    if (events & POLLOUT && (eager || rand() % 64 == 0))
        act(a);
    if (now_us() > a->end && exit_stage(a))
        enter(a, port);
}

static void mix(char **arguments)
{
    const char *port = arguments[0];
    long seconds = parse_count(arguments[1]);
    srand((unsigned)parse_count(arguments[2]));
    alarm((unsigned)(LIFETIME + seconds));
    struct actor actors[ACTORS];
    for (int i = 0; i < ACTORS; i++)
        enter(&actors[i], port);
    long long end = now_us() + seconds * 1000000;
    while (now_us() < end) {
        struct pollfd fds[ACTORS];
        for (int i = 0; i < ACTORS; i++)
            fds[i] = (struct pollfd){actors[i].peer->fd, POLLIN | POLLOUT, 0};
        poll(fds, ACTORS, 10);
        for (int i = 0; i < ACTORS; i++)
            play(&actors[i], fds[i].revents, port);
    }
    for (int i = 0; i < ACTORS; i++)
        leave(actors[i].peer);
    printf("%ld clients, %ld lines\n", arrived, checked);
}

static const struct verb verbs[] = {
    {"probe", 2, probe},   {"push", 2, push},       {"shuffle", 3, shuffle},
    {"many", 3, many},     {"endless", 3, endless}, {"flood", 2, flood},
    {"fair", 3, fair},     {"owed", 1, owed},       {"leaving", 1, leaving},
    {"unread", 2, unread}, {"typing", 2, typing},   {"slam", 2, slam},
    {"burst", 2, burst},   {"deafs", 2, deafs},     {"again", 2, again},
    {"slow", 3, slow},     {"rage", 3, rage},       {"muted", 2, muted},
    {"hoard", 1, hoard},   {"floods", 2, floods},   {"options", 1, options},
    {"mix", 3, mix},       {NULL, 0, NULL},
};

int main(int argc, char **argv)
{
    patience = patience_or(PATIENCE) * 1000;
    alarm(LIFETIME);
    run_verb(verbs, argc, argv);
    return 0;
}
