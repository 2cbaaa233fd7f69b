// Faults on order: a library to preload, under which calls return what the
// kernel or the allocator rarely does.
//
//   cc -shared -fPIC -o faults.so faults.c
//   export FAULTS="read:EINTR:every=3 malloc:ENOMEM:nth=17 seed=1"
//   LD_PRELOAD=./faults.so FAULTS_LOG=log step7-robust/server
//
// A fault is CALL:ERROR:WHEN. CALL is one of those below; ERROR is the name of
// an errno, or "short": at most one byte is read or written. WHEN is every=N
// or nth=N, or rate=N: a percentage of the calls, which the seed picks.
//
// Only the calls of a program that serves or is served count: none before the
// first accept(), epoll_wait() or connect(), and none for stdin, stdout and
// stderr. accept() goes by the name of accept4. Each
// fault is one line in the file $FAULTS_LOG, so that a test can count them.
#define _GNU_SOURCE // syscall(), RTLD_NEXT

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_FAULTS = 8,
    SHORT = -1, // not an errno
    NONE = 0,
};

struct fault {
    char call[16];
    char error[16];
    char occasion[8];
    unsigned number;
    int code;
    atomic_uint calls;
};

static struct fault faults[MAX_FAULTS];
static unsigned seed;
static int log_fd = -1;
static atomic_bool started;

// To the linker these are accept4, accept and connect. In C the types of their
// arguments would have to be those of glibc, or those of musl.
int play_accept4(int fd, void *address, socklen_t *size,
                 int flags) __asm__("accept4");
int play_accept(int fd, void *address, socklen_t *size) __asm__("accept");
int play_connect(int fd, const void *address,
                 socklen_t size) __asm__("connect");
// These are read and recv where gcc is told to check sizes, as Ubuntu's is.
ssize_t play_read_chk(int fd, void *data, size_t size,
                      size_t room) __asm__("__read_chk");
ssize_t play_recv_chk(int fd, void *data, size_t size, size_t room,
                      int flags) __asm__("__recv_chk");

static int code_of(const char *name)
{
    static const struct {
        const char *name;
        int code;
    } codes[] = {
        {"short", SHORT},
        {"EINTR", EINTR},
        {"EAGAIN", EAGAIN},
        {"ECONNRESET", ECONNRESET},
        {"EPIPE", EPIPE},
        {"ETIMEDOUT", ETIMEDOUT},
        {"ENOBUFS", ENOBUFS},
        {"ENOMEM", ENOMEM},
        {"EMFILE", EMFILE},
        {"ENFILE", ENFILE},
        {"EPROTO", EPROTO},
        {"EPERM", EPERM},
        {"EHOSTUNREACH", EHOSTUNREACH},
        {"ECONNABORTED", ECONNABORTED},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    return NONE;
}

__attribute__((constructor)) static void read_orders(void)
{
    const char *orders = getenv("FAULTS");
    const char *log = getenv("FAULTS_LOG");
    if (log != NULL)
        log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int count = 0;
    while (orders != NULL && *orders != '\0') {
        struct fault *f = &faults[count];
        int size = (int)strcspn(orders, " ");
        if (sscanf(orders, "seed=%u", &seed) != 1 && count < MAX_FAULTS &&
            sscanf(orders, "%15[^:]:%15[^:]:%7[^=]=%u", f->call, f->error,
                   f->occasion, &f->number) == 4) {
            f->code = code_of(f->error);
            count += f->code != NONE && f->number > 0;
        }
        orders += size;
        orders += strspn(orders, " ");
    }
}

// The same for the same seed and call, in any order of the threads.
static unsigned random_percentage(unsigned call)
{
    unsigned x = (call + 1) * 2654435761u ^ (seed + 1) * 2246822519u;
    x = (x ^ x >> 15) * 2246822519u;
    x = (x ^ x >> 13) * 3266489917u;
    return (x ^ x >> 16) % 100;
}

static bool is_time(struct fault *f)
{
    unsigned n = atomic_fetch_add(&f->calls, 1) + 1;
    if (strcmp(f->occasion, "every") == 0)
        return n % f->number == 0;
    if (strcmp(f->occasion, "nth") == 0)
        return n == f->number;
    return random_percentage(n) < f->number;
}

static void note(const struct fault *f)
{
    char line[48];
    int size = snprintf(line, sizeof(line), "%s %s\n", f->call, f->error);
    syscall(SYS_write, log_fd, line, size);
}

// Returns what is to happen to this call: an errno, SHORT or NONE.
static int fault(const char *call, int fd)
{
    if (!started || fd <= STDERR_FILENO)
        return NONE;
    for (int i = 0; i < MAX_FAULTS; i++) {
        struct fault *f = &faults[i];
        if (strcmp(f->call, call) == 0 && is_time(f)) {
            note(f);
            return f->code;
        }
    }
    return NONE;
}

// Returns size as the call is to have it, or -1, with errno set, if it is to
// fail.
static ssize_t limit(const char *call, int fd, size_t size)
{
    int code = fault(call, fd);
    if (code == SHORT && size > 1)
        return 1;
    if (code == SHORT || code == NONE)
        return size;
    errno = code;
    return -1;
}

static bool fails(const char *call)
{
    int code = fault(call, STDERR_FILENO + 1);
    if (code != NONE)
        errno = code;
    return code != NONE;
}

ssize_t read(int fd, void *data, size_t size)
{
    ssize_t n = limit("read", fd, size);
    return n < 0 ? -1 : syscall(SYS_read, fd, data, n);
}

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t n = limit("write", fd, size);
    return n < 0 ? -1 : syscall(SYS_write, fd, data, n);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    ssize_t n = limit("recv", fd, size);
    return n < 0 ? -1 : recvfrom(fd, data, n, flags, NULL, NULL);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    ssize_t n = limit("send", fd, size);
    return n < 0 ? -1 : sendto(fd, data, n, flags, NULL, 0);
}

ssize_t play_read_chk(int fd, void *data, size_t size, size_t room)
{
    if (size > room)
        abort();
    return read(fd, data, size);
}

ssize_t play_recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    if (size > room)
        abort();
    return recv(fd, data, size, flags);
}

// The connection stays in the backlog.
int play_accept4(int fd, void *address, socklen_t *size, int flags)
{
    if (fails("accept4"))
        return -1;
    return (int)syscall(SYS_accept4, fd, address, size, flags);
}

int play_accept(int fd, void *address, socklen_t *size)
{
    started = true;
    return play_accept4(fd, address, size, 0);
}

int play_connect(int fd, const void *address, socklen_t size)
{
    started = true;
    return (int)syscall(SYS_connect, fd, address, size);
}

int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
    started = true;
    if (fails("epoll_wait"))
        return -1;
    return epoll_pwait(epoll, events, count, timeout, NULL);
}

// The function of that name in whose place ours stands; dlsym() allocates
// nothing to find it. (ISO C has no cast to a function pointer, POSIX has.)
#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*run)(void *), void *argument)
{
    int code = fault("pthread_create", STDERR_FILENO + 1);
    if (code != NONE)
        return code; // and errno is as it was
    return REAL(pthread_create)(thread, attributes, run, argument);
}

void *malloc(size_t size)
{
    return fails("malloc") ? NULL : REAL(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
    return fails("calloc") ? NULL : REAL(calloc)(count, size);
}

void *realloc(void *data, size_t size)
{
    return fails("realloc") ? NULL : REAL(realloc)(data, size);
}
