/* The least that an HTTP server of completions can do: one thread, epoll, the same bytes to every request.
 *
 * It frames requests (head, content-length) and looks at nothing else, so it is a bound and no rival. Usage:
 *
 *     server PORT REPLY TTFT_NS ITL_NS
 *
 * REPLY is a file of blocks, each a 32-bit length in the machine's order and that many bytes: first what is sent as
 * soon as the request is there, then what is sent at TTFT_NS and every ITL_NS after it, all times counted from the
 * request. Without pace (both 0) all blocks leave in one call.
 *
 * A request that begins with "GET /sent" gets the number of blocks that were sent so far, the first ones of replies not
 * counted: what a client read that is measured from outside, but for what is on its way.
 *
 * All streams have one pace, so their deadlines come in the order of a queue, but for delays. The timer counts
 * milliseconds, as event loops do: everything that is due leaves in one pass.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 65536, MOST_REQUEST = 16384, MOST_BLOCKS = 4096, MOST_EVENTS = 512 };

struct connection {
    int open;
    unsigned life;      /* how often this descriptor was a connection: a stale deadline is told by it */
    char *received;
    size_t length;
    size_t sent, due;   /* offsets into the reply; equal when nothing is owed */
    int block;          /* the next block to become due */
    int counted;        /* the blocks of the reply that are sent whole */
    uint64_t start_ns;
};

struct deadline {
    int fd;
    unsigned life;
    uint64_t due_ns;
};

static struct connection connections[MOST_CONNECTIONS];
static struct deadline queue[MOST_CONNECTIONS];
static unsigned queue_head, queue_tail;
static char *reply;
static size_t ends[MOST_BLOCKS];
static int blocks, poller;
static uint64_t ttft_ns, itl_ns, blocks_sent;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void read_reply(const char *path) {
    FILE *file = fopen(path, "rb");
    uint32_t length;
    size_t size = 0;
    if (!file) fail(path);
    while (blocks < MOST_BLOCKS && fread(&length, sizeof length, 1, file) == 1) {
        reply = realloc(reply, size + length);
        if (!reply || fread(reply + size, 1, length, file) != length) fail(path);
        ends[blocks++] = size += length;
    }
    fclose(file);
}

static void leave(int fd) {
    close(fd);
    connections[fd].open = 0;
    connections[fd].life++;
}

/* Sends what is due and has not left; asks to be called again when the socket is full. */
static void flush(int fd) {
    struct connection *one = &connections[fd];
    while (one->sent < one->due) {
        ssize_t sent = send(fd, reply + one->sent, one->due - one->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT, .data.fd = fd};
            epoll_ctl(poller, EPOLL_CTL_MOD, fd, &wanted);
            return;
        }
        if (sent < 0) {
            leave(fd);
            return;
        }
        one->sent += (size_t)sent;
        for (; one->counted < blocks && ends[one->counted] <= one->sent; one->counted++)
            blocks_sent += one->counted > 0;
    }
}

static void tell(int fd) {
    char body[32], told[128];
    int length = snprintf(body, sizeof body, "%llu", (unsigned long long)blocks_sent);
    length = snprintf(told, sizeof told, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s", length, body);
    if (send(fd, told, (size_t)length, MSG_NOSIGNAL) != length) leave(fd);
}

/* Queues a deadline; only after a delay is it not the last one already. */
static void wait_for(int fd, uint64_t due_ns) {
    unsigned at = queue_tail++;
    for (; at != queue_head && queue[(at - 1) % MOST_CONNECTIONS].due_ns > due_ns; at--)
        queue[at % MOST_CONNECTIONS] = queue[(at - 1) % MOST_CONNECTIONS];
    queue[at % MOST_CONNECTIONS] = (struct deadline){fd, connections[fd].life, due_ns};
}

static void answer(int fd) {
    struct connection *one = &connections[fd];
    one->sent = 0;
    one->counted = 0;
    one->start_ns = now_ns();
    if (itl_ns == 0) {
        one->due = ends[blocks - 1];
    } else {
        one->due = ends[0];
        one->block = 1;
        wait_for(fd, one->start_ns + ttft_ns);
    }
    flush(fd);
}

/* The length of the first request in the buffer; 0 when it is not complete. */
static size_t request_length(const struct connection *one) {
    const char *end = memmem(one->received, one->length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t length = (size_t)(end - one->received) + 4;
    for (const char *line = one->received; line < end;) {
        if (strncasecmp(line, "content-length:", 15) == 0) length += strtoul(line + 15, NULL, 10);
        line = (const char *)memchr(line, '\n', (size_t)(end + 2 - line)) + 1;
    }
    return length <= one->length ? length : 0;
}

static void receive(int fd) {
    struct connection *one = &connections[fd];
    ssize_t received = recv(fd, one->received + one->length, MOST_REQUEST - one->length, 0);
    if (received < 0 && errno == EAGAIN) return;
    if (received <= 0) {
        leave(fd);
        return;
    }
    one->length += (size_t)received;
    for (size_t length; one->open && one->length && (length = request_length(one));) {
        int asks = length > 9 && memcmp(one->received, "GET /sent", 9) == 0;
        one->length -= length;
        memmove(one->received, one->received + length, one->length);
        if (asks)
            tell(fd);
        else
            answer(fd);
    }
}

static void take_connections(int listening) {
    int fd, on = 1;
    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST_CONNECTIONS) {
            close(fd);
            continue;
        }
        struct connection *one = &connections[fd];
        if (!one->received && !(one->received = malloc(MOST_REQUEST))) fail("malloc");
        one->open = 1;
        one->length = one->sent = one->due = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted)) fail("epoll_ctl");
    }
}

/* Sends what is due by now, and says how many milliseconds there are until something is; -1 for nothing. */
static int release(void) {
    uint64_t now = now_ns();
    while (queue_head != queue_tail) {
        struct deadline next = queue[queue_head % MOST_CONNECTIONS];
        if (next.due_ns > now) return (int)((next.due_ns - now + 999999) / 1000000);
        queue_head++;
        struct connection *one = &connections[next.fd];
        if (one->life != next.life) continue;
        one->due = ends[one->block++];
        if (one->block < blocks) wait_for(next.fd, next.due_ns + itl_ns);
        flush(next.fd);
    }
    return -1;
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: server PORT REPLY TTFT_NS ITL_NS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);  /* nobody is left to end it */
    read_reply(arguments[2]);
    ttft_ns = strtoull(arguments[3], NULL, 10);
    itl_ns = strtoull(arguments[4], NULL, 10);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    int on = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&address, sizeof address) || listen(listening, 4096)) fail("listen");
    poller = epoll_create1(0);
    struct epoll_event events[MOST_EVENTS], wanted = {.events = EPOLLIN, .data.fd = listening};
    epoll_ctl(poller, EPOLL_CTL_ADD, listening, &wanted);
    for (;;) {
        int ready = epoll_wait(poller, events, MOST_EVENTS, release());
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) {
                take_connections(listening);
                continue;
            }
            if (events[i].events & EPOLLOUT) {
                struct epoll_event reading = {.events = EPOLLIN, .data.fd = fd};
                epoll_ctl(poller, EPOLL_CTL_MOD, fd, &reading);
                flush(fd);
            }
            if (connections[fd].open && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(fd);
        }
    }
}
