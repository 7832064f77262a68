/* A load generator that costs less than what it measures: one thread, epoll, keep-alive, closed loop.
 *
 * It never sleeps: to wake it on another core costs microseconds, more on a virtual machine, and would be charged to
 * the servers that are slow enough to let it sleep, and to no other.
 *
 *     client PORT REQUESTS CONNECTIONS SECONDS SPREAD_MS TTFT_NS ITL_NS TOKENS
 *
 * Every connection sends a request, reads the whole reply (content-length, chunked, or until the end) and sends the
 * next. REQUESTS is a file of blocks, each a 32-bit length in the machine's order and that many bytes; they are sent
 * in turn, and where one contains #0000000000 the number of the request is written into it, so that no two are alike.
 * The connections begin one after the other within SPREAD_MS; only what comes after it, for SECONDS, is counted.
 * Whatever is under way at the end is dropped.
 *
 * With an ITL_NS, a reply is a stream of TOKENS tokens: event 0 opens it together with token 0, event k carries token
 * k - 1, what follows leaves with the last token. Its lateness is counted from TTFT_NS and ITL_NS after the request.
 *
 * Prints one JSON object; times are in microseconds, `late` is |received - due|, `client_busy` is the share of the time
 * in which there was something to do.
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

enum { MOST_DESCRIPTORS = 65536, MOST_HEAD = 4096, MOST_RECEIVED = 1 << 20, MOST_EVENTS = 512 };
enum state { HEAD, WHOLE, UNTIL_END, SIZE, DATA, AFTER_DATA, TRAILER };

struct connection {
    enum state state;
    int status, busy;
    char head[MOST_HEAD];
    size_t head_length, left;
    char last;          /* of the body: an event ends with two line feeds */
    int64_t events;
    uint64_t sent_ns;
};

struct request {
    char *bytes;
    size_t length;
    char *number;
};

struct samples {
    uint64_t *values;
    size_t count, room;
};

static struct connection *connections[MOST_DESCRIPTORS];
static struct request *requests;
static struct samples latencies, lateness;
static struct sockaddr_in address = {.sin_family = AF_INET};
static char received[MOST_RECEIVED];
static int poller;
static size_t request_count;
static uint64_t asked, answered, refused, broken, events_read, bytes_read, ttft_ns, itl_ns, tokens;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void keep(struct samples *samples, uint64_t value) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 1 << 16;
        samples->values = realloc(samples->values, samples->room * sizeof *samples->values);
        if (!samples->values) fail("realloc");
    }
    samples->values[samples->count++] = value;
}

static int by_value(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static void print_samples(const char *name, struct samples *samples) {
    qsort(samples->values, samples->count, sizeof *samples->values, by_value);
    if (!samples->count) return;
    printf(", \"%s_p50_us\": %.1f, \"%s_p99_us\": %.1f, \"%s_max_us\": %.1f", name,
           (double)samples->values[samples->count / 2] / 1e3, name,
           (double)samples->values[samples->count * 99 / 100] / 1e3, name,
           (double)samples->values[samples->count - 1] / 1e3);
}

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    uint32_t length;
    if (!file) fail(path);
    while (fread(&length, sizeof length, 1, file) == 1) {
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        struct request *one = &requests[request_count++];
        one->bytes = malloc(length);
        one->length = length;
        if (fread(one->bytes, 1, length, file) != length) fail(path);
        one->number = memmem(one->bytes, length, "#0000000000", 11);
    }
    fclose(file);
}

static void ask(int fd) {
    struct connection *one = connections[fd];
    struct request *next = &requests[asked++ % request_count];
    if (next->number) {
        uint64_t number = asked;
        for (char *digit = next->number + 10; digit > next->number; digit--, number /= 10) *digit = (char)('0' + number % 10);
    }
    *one = (struct connection){.state = HEAD, .busy = 1, .sent_ns = now_ns()};
    if (send(fd, next->bytes, next->length, MSG_NOSIGNAL) != (ssize_t)next->length) broken++;
}

static int enter(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || fd >= MOST_DESCRIPTORS) fail("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!connections[fd] && !(connections[fd] = calloc(1, sizeof **connections))) fail("calloc");
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted)) fail("epoll_ctl");
    return fd;
}

/* Takes the head off the bytes; returns how many of them were its. */
static size_t read_head(struct connection *one, const char *bytes, size_t length) {
    size_t before = one->head_length, room = MOST_HEAD - 1 - before, taken = length < room ? length : room;
    memcpy(one->head + before, bytes, taken);
    one->head_length += taken;
    char *end = memmem(one->head, one->head_length, "\r\n\r\n", 4);
    if (!end) {
        if (one->head_length == MOST_HEAD - 1) fail("a head that is too long");
        return length;
    }
    end[2] = 0;
    one->status = atoi(one->head + 9);
    char *field = strcasestr(one->head, "\r\ncontent-length:");
    one->left = field ? strtoull(field + 17, NULL, 10) : 0;
    one->state = field ? WHOLE : strcasestr(one->head, "\r\ntransfer-encoding: chunked") ? SIZE : UNTIL_END;
    return (size_t)(end + 4 - one->head) - before;
}

static void read_body(struct connection *one, const char *bytes, size_t length, uint64_t now) {
    bytes_read += length;
    for (const char *at = bytes, *end = bytes + length; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        if ((at > bytes ? at[-1] : one->last) != '\n') continue;
        if (itl_ns) {
            uint64_t token = one->events > 0 ? (uint64_t)one->events - 1 : 0;
            uint64_t due = one->sent_ns + ttft_ns + (token < tokens ? token : tokens - 1) * itl_ns;
            keep(&lateness, now > due ? now - due : due - now);
        }
        one->events++;
        events_read++;
    }
    one->last = bytes[length - 1];
}

static size_t hexadecimal(char digit) { return (size_t)(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10); }

/* Reads on in the reply; whether it is complete. */
static int read_reply(struct connection *one, const char *bytes, size_t length, uint64_t now) {
    while (length) {
        size_t taken = 1;
        switch (one->state) {
        case HEAD:
            taken = read_head(one, bytes, length);
            if (one->state == WHOLE && !one->left) return 1;
            break;
        case WHOLE:
        case UNTIL_END:
        case DATA:
            taken = one->state == UNTIL_END || length < one->left ? length : one->left;
            read_body(one, bytes, taken, now);
            if (one->state == UNTIL_END || (one->left -= taken)) break;
            if (one->state == WHOLE) return 1;
            one->state = AFTER_DATA;
            break;
        case SIZE:
            if (*bytes == '\n') one->state = one->left ? DATA : TRAILER;
            else if (*bytes != '\r') one->left = 16 * one->left + hexadecimal(*bytes);
            break;
        case AFTER_DATA:
            if (*bytes == '\n') one->state = SIZE;
            break;
        case TRAILER:
            if (*bytes == '\n') return 1;
            break;
        }
        bytes += taken;
        length -= taken;
    }
    return 0;
}

/* Reads what is there, and asks again when the reply is complete. */
static void serve(int fd) {
    struct connection *one = connections[fd];
    ssize_t length = recv(fd, received, MOST_RECEIVED, 0);
    uint64_t now = now_ns();
    int complete = length > 0 ? read_reply(one, received, (size_t)length, now) : one->state == UNTIL_END;
    if (complete) {
        answered++;
        refused += one->status != 200;
        keep(&latencies, now - one->sent_ns);
    } else if (length <= 0 && one->busy) {
        broken++;
    }
    if (length <= 0) {
        close(fd);
        ask(enter());
    } else if (complete && strcasestr(one->head, "\r\nconnection: close")) {
        one->busy = 0;  /* the other side says when */
    } else if (complete) {
        ask(fd);
    }
}

int main(int count, char **arguments) {
    if (count != 9) {
        fprintf(stderr, "usage: client PORT REQUESTS CONNECTIONS SECONDS SPREAD_MS TTFT_NS ITL_NS TOKENS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);  /* nobody is left to end it */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    read_requests(arguments[2]);
    int wanted = atoi(arguments[3]), begun = 0, *waiting = calloc((size_t)wanted, sizeof *waiting);
    uint64_t spread_ns = strtoull(arguments[5], NULL, 10) * 1000000u;
    ttft_ns = strtoull(arguments[6], NULL, 10);
    itl_ns = strtoull(arguments[7], NULL, 10);
    tokens = strtoull(arguments[8], NULL, 10);
    poller = epoll_create1(0);
    for (int i = 0; i < wanted; i++) waiting[i] = enter();
    uint64_t start = now_ns(), window = start + spread_ns, end = window + (uint64_t)(atof(arguments[4]) * 1e9), now;
    uint64_t idle_ns = 0;
    int counting = 0;
    while ((now = now_ns()) < end) {
        if (!counting && now >= window) {
            counting = 1;
            window = now;
            answered = refused = broken = events_read = bytes_read = idle_ns = latencies.count = lateness.count = 0;
        }
        while (begun < wanted && now - start >= spread_ns / (uint64_t)wanted * (uint64_t)begun) ask(waiting[begun++]);
        struct epoll_event events[MOST_EVENTS];
        int ready = epoll_wait(poller, events, MOST_EVENTS, 0);
        if (!ready) idle_ns += now_ns() - now;
        for (int i = 0; i < ready; i++) serve(events[i].data.fd);
    }
    printf("{\"seconds\": %.6f, \"requests\": %lu, \"refused\": %lu, \"broken\": %lu, \"events\": %lu, \"bytes\": %lu, \"client_busy\": %.3f",
           (double)(now - window) / 1e9, answered, refused, broken, events_read, bytes_read, 1 - (double)idle_ns / (double)(now - window));
    print_samples("latency", &latencies);
    print_samples("late", &lateness);
    printf("}\n");
}
