// SPDX-License-Identifier: Apache-2.0
/*
 * Times connect(2). One thread on one CPU is client and server: the listener stays in the server's
 * network namespace, the client's sockets are made in the client's. Over a veth pair the whole
 * handshake then runs inside connect(2), with no wake-up or second CPU in the figure.
 *
 *   connect CPU SERVER_NETNS CLIENT_NETNS CGROUP|- LISTEN_PORT
 *
 * Joins CGROUP after the listener is made, so that only the client's sockets belong to it. Then reads
 * commands from stdin, one a line, and answers each with one line of JSON on stdout:
 *   targets LIST PORT ADDRESS...   what connections of this list, 0 to 3, go to, in turn
 *   measure LIST COUNT   {"median","mean","min","p99","cycle","failed"}: ns a connect(2); cycle: mean ns of socket to close
 *   pace LIST RATE       RATE connections/s until the next line; {"attempted","failed","errno","slowest"}
 * Sockets are closed with a reset, which leaves no TIME_WAIT and frees the port at once.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Read once: reading 10 000 addresses before each burst would empty the caches. */
static struct list {
	struct sockaddr_in *targets;
	size_t count;
	size_t next;
} lists[4];

static int listener;
static int last_errno;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(netns);
	if (setns(fd, CLONE_NEWNET))
		die("setns");
	close(fd);
}

static void listen_on(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval patience = { .tv_sec = 1 };
	int on = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		die("socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)))
		die("bind");
	if (listen(listener, 4096))
		die("listen");
}

static void join_cgroup(const char *directory)
{
	char path[4096];
	FILE *procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	procs = fopen(path, "w");
	if (!procs || fprintf(procs, "%d\n", getpid()) < 0 || fclose(procs))
		die(path);
}

static struct list *list_of(char **words)
{
	size_t number = strtoul(*words, words, 10);

	if (number >= sizeof(lists) / sizeof(*lists))
		exit(64);
	return &lists[number];
}

static void set_targets(char *words)
{
	struct list *list = list_of(&words);
	uint16_t port = htons((uint16_t)strtoul(words, &words, 10));
	size_t room = 0;

	list->count = list->next = 0;
	for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n")) {
		if (list->count == room) {
			room = room ? room * 2 : 16;
			list->targets = realloc(list->targets, room * sizeof(*list->targets));
			if (!list->targets)
				die("realloc");
		}
		list->targets[list->count] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
		if (inet_pton(AF_INET, word, &list->targets[list->count].sin_addr) != 1) {
			fprintf(stderr, "no IPv4 address: %s\n", word);
			exit(1);
		}
		list->count++;
	}
	printf("{}\n");
}

/* What else the machine does should not come between two connections. Without the privilege it is measured too. */
static void run_first(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		perror("sched_setscheduler");
}

/* One connection from socket(2) to close(2). Returns the ns that connect(2) took, 0 when it failed. */
static uint64_t one(struct list *list)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct timeval patience = { .tv_sec = 1 };
	const struct sockaddr_in *target = &list->targets[list->next++ % list->count];
	uint64_t begin, took = 0;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (client < 0)
		die("socket");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	begin = now();
	if (connect(client, (const struct sockaddr *)target, sizeof(*target)) == 0) {
		int served;

		took = now() - begin;
		served = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		close(client);
		if (served >= 0)
			close(served);
		else
			took = 0;
	} else {
		last_errno = errno;
		close(client);
	}
	return took;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(struct list *list, unsigned long count)
{
	uint64_t *ns = calloc(count + 1, sizeof(*ns));
	uint64_t begin, cycle, sum = 0;
	size_t good = 0, failed = 0;

	if (!ns)
		die("calloc");
	begin = now();
	for (size_t i = 0; i < count; i++) {
		ns[good] = one(list);
		if (ns[good])
			sum += ns[good++];
		else if (++failed == 100) /* each may take its full timeout */
			break;
	}
	cycle = (now() - begin) / count;
	qsort(ns, good, sizeof(*ns), ascending);
	printf("{\"median\":%llu,\"mean\":%llu,\"min\":%llu,\"p99\":%llu,\"cycle\":%llu,\"failed\":%zu,\"errno\":%d}\n",
	       (unsigned long long)ns[good / 2], (unsigned long long)(good ? sum / good : 0), (unsigned long long)ns[0],
	       (unsigned long long)ns[good * 99 / 100], (unsigned long long)cycle, failed, last_errno);
	free(ns);
}

static void pace(struct list *list, unsigned long rate)
{
	uint64_t gap = 1000000000ull / rate, due = now(), slowest = 0;
	unsigned long long attempted = 0, failed = 0;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	while (poll(&input, 1, 0) == 0) {
		struct timespec at;
		uint64_t took = one(list);

		attempted++;
		if (!took)
			failed++;
		if (took > slowest)
			slowest = took;
		due += gap;
		at = (struct timespec){ .tv_sec = (time_t)(due / 1000000000ull), .tv_nsec = (long)(due % 1000000000ull) };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	printf("{\"attempted\":%llu,\"failed\":%llu,\"errno\":%d,\"slowest\":%llu}\n", attempted, failed, last_errno,
	       (unsigned long long)slowest);
}

static void run(void (*what)(struct list *, unsigned long), char *words)
{
	struct list *list = list_of(&words);

	if (!list->count)
		exit(64);
	what(list, strtoul(words, NULL, 10));
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;
	char *line = NULL;
	size_t room = 0;

	if (argc != 6) {
		fprintf(stderr, "usage: connect CPU SERVER_NETNS CLIENT_NETNS CGROUP|- LISTEN_PORT\n");
		return 64;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0); /* pace polls the descriptor: nothing may wait in a buffer */
	CPU_ZERO(&cpus);
	CPU_SET((size_t)atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	run_first();
	enter(argv[2]);
	listen_on((uint16_t)atoi(argv[5]));
	if (strcmp(argv[4], "-"))
		join_cgroup(argv[4]);
	enter(argv[3]);
	while (getline(&line, &room, stdin) > 0) {
		last_errno = 0;
		if (!strncmp(line, "targets ", 8))
			set_targets(line + 8);
		else if (!strncmp(line, "measure ", 8))
			run(measure, line + 8);
		else if (!strncmp(line, "pace ", 5))
			run(pace, line + 5);
		else if (strncmp(line, "stop", 4))
			return 64;
	}
	return 0;
}
