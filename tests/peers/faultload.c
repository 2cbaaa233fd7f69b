// Runs a step's server, and then its client, under the faults of faults.c, a
// case after the other, and checks what comes through.
//
//   faultload server PROGRAM SHIM    SHIM is the library made of faults.c
//   faultload client PROGRAM SHIM SERVER
//
// Three clients sit in a ring, and each sends LINES lines to the next, two of
// them their first one in two pieces. What arrives has to be exact. A fault
// that kills a connection may cost its client, and an allocation that fails a
// message, of which the sender is told; nothing more. After that a newcomer is
// served, and the server ends with status 0. Prints how many cases and faults
// there were. It ends with status 1 if a case failed.

#define _GNU_SOURCE // pipe2()

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum {
    RING = 3, // clients
    LINES = 100, // from each
    SINGLE = 40, // of these, that are sent when the one before has arrived
    WORKERS = 4, // cases at the same time
    PATIENCE = 10, // s, for one case
    LIFETIME = 120, // s
    BUFFER_SIZE = 64 * 1024, // bytes
    PIECE = 97, // bytes in a write: lines are cut somewhere
    BEGINNING = 5, // bytes of a line
};

// FIRST to LAST calls are tried as the number of the occasion.
struct order {
    const char *call;
    const char *error;
    const char *occasion;
    unsigned numbers[12]; // up to the first 0
    bool fatal; // for a connection or a message
};

static const struct order orders[] = {
    {"read", "short", "every", {1, 2, 3, 5, 8}, false},
    {"read", "short", "rate", {20, 50, 80}, false},
    {"read", "EINTR", "every", {2, 3, 7}, false},
    {"read", "EINTR", "nth", {1, 2, 3, 5, 20}, false},
    {"read", "EINTR", "rate", {10, 20, 50, 80}, false},
    {"read", "EAGAIN", "every", {2, 3, 7}, false},
    {"read", "EAGAIN", "nth", {1, 2, 3, 5, 20}, false},
    {"read", "EAGAIN", "rate", {20, 50}, false},
    {"read", "ECONNRESET", "nth", {1, 2, 3, 4, 5, 6, 8, 13, 20, 40}, true},
    {"read", "ETIMEDOUT", "nth", {1, 2, 3, 5, 8, 20}, true},
    {"read", "EHOSTUNREACH", "nth", {1, 5, 20}, true},
    {"read", "ENOMEM", "nth", {1, 2, 8}, true},
    {"read", "ECONNRESET", "every", {50}, true},
    {"write", "short", "every", {1, 2, 3, 5, 8}, false},
    {"write", "short", "rate", {20, 50, 80}, false},
    {"write", "EINTR", "every", {2, 3, 7}, false},
    {"write", "EINTR", "nth", {1, 2, 3, 5, 20}, false},
    {"write", "EINTR", "rate", {10, 20, 50, 80}, false},
    {"write", "EAGAIN", "every", {2, 3, 7}, false},
    {"write", "EAGAIN", "nth", {1, 2, 3, 5, 20}, false},
    {"write", "EAGAIN", "rate", {20, 50}, false},
    {"write", "ECONNRESET", "nth", {1, 2, 3, 4, 5, 6, 8, 13, 20, 40}, true},
    {"write", "EPIPE", "nth", {1, 2, 3, 5, 8, 20}, true},
    {"write", "ENOBUFS", "nth", {1, 2, 3, 5, 20}, true},
    {"write", "ENOMEM", "nth", {1, 2, 8}, true},
    {"write", "EPIPE", "every", {50}, true},
    {"recv", "EINTR", "nth", {1, 2, 3}, false},
    {"recv", "ECONNRESET", "nth", {1, 2}, false},
    {"epoll_wait", "EINTR", "every", {2, 3, 7}, false},
    {"epoll_wait", "EINTR", "nth", {1, 2, 3, 5, 20}, false},
    {"accept4", "EINTR", "nth", {1, 2}, false},
    {"accept4", "ECONNABORTED", "nth", {1, 2, 3}, false},
    {"accept4", "ECONNABORTED", "every", {2}, false},
    {"accept4", "EPROTO", "nth", {1, 2, 3}, false},
    {"accept4", "EPROTO", "every", {2}, false},
    {"accept4", "ENOBUFS", "nth", {1, 2, 3}, false},
    {"accept4", "ENOBUFS", "every", {2}, false},
    {"accept4", "ENOMEM", "nth", {1, 2}, false},
    {"accept4", "EMFILE", "nth", {1, 2}, false},
    {"accept4", "ENFILE", "nth", {1, 2}, false},
    {"accept4", "EPERM", "nth", {1, 2}, false},
    {"malloc", "ENOMEM", "nth", {1, 2}, true},
    {"malloc", "ENOMEM", "every", {2}, true},
    {"calloc", "ENOMEM", "nth", {1, 2, 3}, true},
    {"realloc", "ENOMEM", "nth", {1}, true},
};

struct program {
    pid_t pid;
    int in;
    int out;
};

struct peer {
    int fd;
    bool lost; // its connection was ended by the server
    int number;
    int sent; // lines, all of which read "I says J to the next"
    int delivered; // of these, to the next
    int refused;
    int last_heard; // from the one before
    char *text; // of all lines
    size_t size;
    size_t at;
    size_t line_length;
    char line[512];
};

static const char *program;
static const char *shim;
static char log_file[64];
static char current[64]; // the case
static struct peer ring[RING];
static char port[8];

static void fail(const char *what, const char *detail)
{
    printf("%s: %s %s\n", current, what, detail);
    fflush(stdout);
    _exit(1);
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// Starts a program with its stdin and stdout in pipes. It ends with us.
static struct program start(char *const *argv, bool with_faults)
{
    int in[2];
    int out[2];
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        err(1, "pipe2");
    pid_t pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        if (with_faults) {
            setenv("FAULTS", current, 1);
            setenv("FAULTS_LOG", log_file, 1);
            setenv("LD_PRELOAD", shim, 1);
        }
        execv(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return (struct program){pid, in[1], out[0]};
}

static struct program start_server(const char *path, bool with_faults)
{
    char *argv[] = {(char *)path, "0", NULL};
    struct program p = start(argv, with_faults);
    char line[128] = "";
    if (!read_line(p.out, line, sizeof(line)) ||
        sscanf(line, "Listening on 127.0.0.1:%7s", port) != 1)
        fail("the server does not listen:", line);
    return p;
}

static int finish(struct program *p)
{
    int status = 0;
    close(p->in);
    waitpid(p->pid, &status, 0);
    close(p->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Returns how many faults the case has seen until now.
static int count_faults(void)
{
    FILE *f = fopen(log_file, "r");
    int count = 0;
    for (int c; f != NULL && (c = getc(f)) != EOF;)
        count += c == '\n';
    if (f != NULL)
        fclose(f);
    return count;
}

static void join(struct peer *p)
{
    *p = (struct peer){.number = -1, .last_heard = -1};
    p->fd = connect_to(port, false);
    limit_patience(p->fd, PATIENCE);
}

// Reads a line of the newcomer. Returns false when the server closes instead.
static bool hear_line(struct peer *p)
{
    errno = 0;
    bool whole = read_line(p->fd, p->line, sizeof(p->line));
    if (errno == EAGAIN)
        fail("waited in vain", "for a line");
    return whole;
}

static void greet(struct peer *p)
{
    char end;
    if (!hear_line(p))
        p->lost = true;
    else if (sscanf(p->line, "Your number is %d%c", &p->number, &end) != 1)
        fail("no greeting:", p->line);
}

static void write_text(int i)
{
    int to = ring[(i + 1) % RING].number;
    struct peer *p = &ring[i];
    FILE *text = open_memstream(&p->text, &p->size);
    for (int j = 0; j < LINES; j++)
        fprintf(text, "%d %d says %d to the next\n", to < 0 ? 999 : to, i, j);
    fclose(text);
}

// A line that has come for ring[i]: one from the client before, or a reply.
static void take_line(int i)
{
    struct peer *p = &ring[i];
    struct peer *before = &ring[(i + RING - 1) % RING];
    int to = ring[(i + 1) % RING].number;
    int from = 0;
    int who = 0;
    int what = 0;
    char same[512];
    if (sscanf(p->line, "%d->> %d says %d", &from, &who, &what) == 3) {
        snprintf(same, sizeof(same), "%d->> %d says %d to the next",
                 before->number, (i + RING - 1) % RING, what);
        if (what <= p->last_heard || what >= LINES)
            fail("out of order:", p->line);
        p->last_heard = what;
        before->delivered++;
    } else {
        bool gone = strstr(p->line, "connected") != NULL;
        snprintf(same, sizeof(same), "error: client %d is not %s",
                 to < 0 ? 999 : to,
                 gone ? "connected" : "reading, message not delivered");
        p->refused++;
    }
    if (strcmp(p->line, same) != 0)
        fail("not exact:", p->line);
}

// Reads what there is for ring[i].
static void hear(int i)
{
    struct peer *p = &ring[i];
    char data[4096];
    ssize_t n = recv(p->fd, data, sizeof(data), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        p->lost = true;
    for (ssize_t j = 0; j < n; j++) {
        if (p->line_length == sizeof(p->line) - 1)
            fail("too long:", p->line);
        bool whole = data[j] == '\n';
        p->line[p->line_length++] = whole ? '\0' : data[j];
        if (whole) {
            take_line(i);
            p->line_length = 0;
        }
    }
}

// Whether nothing is on its way any more between the client and the next.
static bool has_arrived(int i)
{
    return ring[i].delivered + ring[i].refused == ring[i].sent ||
           ring[i].lost || ring[(i + 1) % RING].lost;
}

// Whether the client may send now: SINGLE lines one by one, then the rest. Who
// has sent the beginning of a line first waits for a later one to arrive: by
// then the server has had to keep the beginning somewhere.
static bool may_speak(int i)
{
    struct peer *p = &ring[i];
    struct peer *last = &ring[RING - 1];
    if (p->lost || p->at == p->size)
        return false;
    if (p->sent == 0 && p->at > 0 && !last->lost)
        return last->sent > 0 && has_arrived(RING - 1);
    return p->sent >= SINGLE || has_arrived(i);
}

static void speak(int i)
{
    struct peer *p = &ring[i];
    if (!may_speak(i))
        return;
    size_t size = p->size - p->at < PIECE ? p->size - p->at : PIECE;
    const char *text = p->text + p->at;
    if (p->at == 0 && i < RING - 1)
        size = BEGINNING;
    else if (p->sent < SINGLE)
        size = (const char *)memchr(text, '\n', size) - text + 1;
    ssize_t n = send(p->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (ssize_t j = 0; j < n; j++)
        p->sent += text[j] == '\n';
    p->at += n > 0 ? n : 0;
}

static bool is_done(void)
{
    for (int i = 0; i < RING; i++)
        if ((!ring[i].lost && ring[i].at < ring[i].size) || !has_arrived(i))
            return false;
    return true;
}

static void talk(void)
{
    long long end = now_ms() + PATIENCE * 1000;
    while (!is_done()) {
        struct pollfd fds[RING];
        for (int i = 0; i < RING; i++) {
            speak(i);
            bool busy = ring[i].at < ring[i].size && ring[i].sent >= SINGLE;
            fds[i].fd = ring[i].lost ? -1 : ring[i].fd;
            fds[i].events = (short)(busy ? POLLIN | POLLOUT : POLLIN);
        }
        if (is_done())
            break;
        poll(fds, RING, 100);
        for (int i = 0; i < RING; i++)
            if (fds[i].fd >= 0 && fds[i].revents & ~POLLOUT)
                hear(i);
        if (now_ms() > end)
            fail("waited in vain", "for the rest");
    }
}

// Half-closes, one after the other, and reads what is still owed. Returns how
// many had been lost before.
static int part(bool fatal)
{
    int lost = 0;
    for (int i = 0; i < RING; i++) {
        lost += ring[i].lost;
        bool whole = !ring[i].lost && !ring[(i + 1) % RING].lost;
        if (whole && ring[i].delivered + ring[i].refused != LINES)
            fail("lines are missing", "");
        if (whole && !fatal && ring[i].refused > 0)
            fail("a line was refused", "");
    }
    for (int i = 0; i < RING; i++) {
        bool was_lost = ring[i].lost;
        if (!was_lost)
            shutdown(ring[i].fd, SHUT_WR);
        struct pollfd in = {.fd = ring[i].fd, .events = POLLIN};
        while (!ring[i].lost && poll(&in, 1, PATIENCE * 1000) == 1)
            hear(i);
        if (!ring[i].lost)
            fail("waited in vain", "for the end");
        close(ring[i].fd);
        free(ring[i].text);
    }
    return lost;
}

static bool serve_newcomer(void)
{
    struct peer p;
    join(&p);
    greet(&p);
    char text[64];
    int size = snprintf(text, sizeof(text), "%d hello\n", p.number);
    char expected[64];
    snprintf(expected, sizeof(expected), "%d->> hello", p.number);
    bool served = !p.lost && send(p.fd, text, size, MSG_NOSIGNAL) == size &&
                  hear_line(&p) && strcmp(p.line, expected) == 0;
    close(p.fd);
    return served;
}

static void try_server(const struct order *order)
{
    struct program server = start_server(program, true);
    for (int i = 0; i < RING; i++)
        join(&ring[i]);
    for (int i = 0; i < RING; i++)
        greet(&ring[i]);
    for (int i = 0; i < RING; i++)
        write_text(i);
    talk();
    int lost = part(order->fatal);
    int injected = count_faults();
    if (injected == 0)
        fail("no fault was injected", "");
    if (lost > (order->fatal ? injected : 0))
        fail("too many clients were lost", "");
    // Faults that come again and again may hit the newcomer, too.
    bool again = order->fatal && strcmp(order->occasion, "every") == 0;
    if (!serve_newcomer() && !(again && serve_newcomer()))
        fail("the newcomer was not served", "");
    kill(server.pid, SIGTERM);
    if (finish(&server) != 0)
        fail("the server's exit status is not 0", "");
}

// The client sends LINES lines to itself, through a server without faults.
static void try_client(const struct order *order, const char *path)
{
    struct program server = start_server(path, false);
    char *argv[] = {(char *)program, "127.0.0.1", port, NULL};
    struct program client = start(argv, true);
    static char expected[BUFFER_SIZE];
    static char got[BUFFER_SIZE];
    size_t size = (size_t)sprintf(expected, "Your number is 0\n");
    for (int i = 0; i < LINES; i++) {
        dprintf(client.in, "0 line %d\n", i);
        size += (size_t)sprintf(expected + size, "0->> line %d\n", i);
    }
    close(client.in);
    client.in = -1;
    size_t length = 0;
    ssize_t n;
    while ((n = read(client.out, got + length, sizeof(got) - length)) > 0)
        length += n;
    int status = finish(&client);
    if (status != order->fatal)
        fail("the client's exit status is wrong", "");
    if (length > size || memcmp(got, expected, length) != 0)
        fail("the client printed something else:", got);
    if (!order->fatal && length != size)
        fail("the client lacks lines", "");
    if (count_faults() == 0)
        fail("no fault was injected", "");
    kill(server.pid, SIGTERM);
    if (finish(&server) != 0)
        fail("the server's exit status is not 0", "");
}

// It may read all in two calls: the lines, and the end.
static const struct order client_orders[] = {
    {"read", "short", "every", {1, 2}, false},
    {"read", "EINTR", "every", {2}, false},
    {"read", "EINTR", "nth", {1, 2}, false},
    {"read", "ECONNRESET", "nth", {1, 2}, true},
    {"write", "short", "every", {1, 2, 3}, false},
    {"write", "short", "rate", {20, 50}, false},
    {"write", "EINTR", "every", {2, 3}, false},
    {"write", "EINTR", "nth", {1, 2, 20}, false},
    {"write", "EPIPE", "nth", {1, 2, 20}, true},
    {"write", "ECONNRESET", "nth", {1, 2, 20}, true},
};

// Runs the case in a child, so that a failure ends only that. Returns the
// number of faults, or -1.
static int run_case(const struct order *order, unsigned number,
                    const char *server)
{
    snprintf(current, sizeof(current), "%s:%s:%s=%u seed=%u", order->call,
             order->error, order->occasion, number, number);
    unlink(log_file);
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        alarm(PATIENCE * 3);
        if (server == NULL)
            try_server(order);
        else
            try_client(order, server);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        printf("%s: takes too long, or signal %d\n", current,
               WTERMSIG(status));
    else if (status != 0)
        printf("%s: failed\n", current);
    int count = status == 0 ? count_faults() : -1;
    unlink(log_file);
    return count;
}

// Each worker takes every WORKERS-th case and reports to the pipe what it got.
static void work(int worker, int report, const char *server)
{
    bool is_client = server != NULL;
    const struct order *all = is_client ? client_orders : orders;
    size_t size = is_client ? sizeof(client_orders) : sizeof(orders);
    snprintf(log_file, sizeof(log_file), "faults.%d", getpid());
    int turn = 0;
    for (size_t i = 0; i < size / sizeof(*all); i++) {
        for (int j = 0; all[i].numbers[j] != 0; j++) {
            if (turn++ % WORKERS != worker)
                continue;
            int count = run_case(&all[i], all[i].numbers[j], server);
            if (write(report, &count, sizeof(count)) != sizeof(count))
                err(1, "write");
        }
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    bool is_client = argc == 5 && strcmp(argv[1], "client") == 0;
    if (!is_client && (argc != 4 || strcmp(argv[1], "server") != 0))
        errx(1, "see the head of faultload.c");
    alarm(LIFETIME);
    signal(SIGPIPE, SIG_IGN);
    program = argv[2];
    shim = argv[3];
    int reports[2];
    if (pipe2(reports, O_CLOEXEC) < 0)
        err(1, "pipe2");
    for (int i = 0; i < WORKERS; i++) {
        pid_t pid = fork();
        if (pid < 0)
            err(1, "fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work(i, reports[1], is_client ? argv[4] : NULL);
        }
    }
    close(reports[1]);
    int cases = 0;
    int failed = 0;
    long injected = 0;
    int count;
    while (read(reports[0], &count, sizeof(count)) == sizeof(count)) {
        cases++;
        failed += count < 0;
        injected += count > 0 ? count : 0;
    }
    printf("%d cases, %ld faults, %d failed\n", cases, injected, failed);
    return failed > 0;
}
