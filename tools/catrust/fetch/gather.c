/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/gather.h"

#include "fetch/aiafetch.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	STACK_SIZE = 512 << 10,
	PROGRESS_AFTER_MS = 1000,
	PROGRESS_EVERY_MS = 200,
};

struct work {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fetch *fetches;
	size_t count, next, done; /* protected by lock */
};

static bool is_known(void *arg, X509 *cert)
{
	const STACK_OF(X509) *known = arg;

	if (chain_contains(known, cert))
		return true;
	for (int i = 0; i < sk_X509_num(known); i++)
		if (aia_issued(sk_X509_value(known, i), cert))
			return true;
	return false;
}

static int build(struct fetch *f)
{
	STACK_OF(X509) *known = X509_chain_up_ref(f->session->known);
	int result = -1;

	if (known == NULL)
		return -1;
	for (int i = 0; i < sk_X509_num(f->fetched); i++)
		if (!X509_add_cert(known, sk_X509_value(f->fetched, i), X509_ADD_FLAG_UP_REF))
			goto out;
	chain_clear(&f->chain);
	result = chain_build(f->peer.certs, known, &f->chain);
out:
	sk_X509_pop_free(known, X509_free);
	return result;
}

/* Returns 0, or -1: out of memory. */
static int find_issuers(struct fetch *f)
{
	const struct options *options = f->session->options;
	struct aiafetch_options how = {
		.proxy = options->proxy,
		.local = options->aia_local,
		.timeout_ms = options->timeout_ms,
	};
	X509 *top;

	if (build(f) != 0)
		return -1;
	chain_top(&f->chain, &top);
	if (options->no_aia || chain_is_root(top))
		return 0;
	f->fetched = aiafetch_issuers(top, is_known, f->session->known, &how, &f->aia);
	if (f->fetched == NULL)
		return -1;
	return sk_X509_num(f->fetched) == 0 ? 0 : build(f);
}

static void gather_one(struct fetch *f)
{
	const struct options *options = f->session->options;
	struct connect_options how = {
		.servername = f->name.is_ip ? NULL : f->name.host,
		.proxy = options->proxy,
		.proxy_cas = &f->session->proxy_cas,
		.cert = options->cert,
		.key = options->key,
		.timeout_ms = options->timeout_ms,
	};

	if (peer_connect(&f->target, &how, &f->peer, &f->why) != 0)
		return;
	if (find_issuers(f) == 0)
		f->connected = true;
	else
		reason_set(&f->why, "out of memory");
}

static void *run(void *arg)
{
	struct work *w = arg;

	pthread_mutex_lock(&w->lock);
	while (w->next < w->count) {
		struct fetch *f = &w->fetches[w->next++];

		pthread_mutex_unlock(&w->lock);
		gather_one(f);
		pthread_mutex_lock(&w->lock);
		w->done++;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static struct timespec later(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

/* Waits until all are done. On a terminal, a line that is overwritten shows the progress. */
static void watch(struct work *w)
{
	bool terminal = isatty(STDERR_FILENO) == 1, shown = false;
	struct timespec next = later(PROGRESS_AFTER_MS);

	pthread_mutex_lock(&w->lock);
	while (w->done < w->count) {
		if (!terminal) {
			pthread_cond_wait(&w->changed, &w->lock);
		} else if (pthread_cond_timedwait(&w->changed, &w->lock, &next) != 0) {
			fprintf(stderr, "\r%zu of %zu servers asked", w->done, w->count);
			next = later(PROGRESS_EVERY_MS);
			shown = true;
		}
	}
	pthread_mutex_unlock(&w->lock);
	if (shown)
		fputs("\r                                        \r", stderr);
}

static int init(struct work *w)
{
	pthread_condattr_t attr;
	int error = pthread_condattr_init(&attr);

	if (error != 0)
		return -1;
	if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0)
		error = pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (error == 0 && pthread_mutex_init(&w->lock, NULL) != 0) {
		pthread_cond_destroy(&w->changed);
		error = -1;
	}
	return error == 0 ? 0 : -1;
}

/* Only the main thread gets signals; it blocks them while a file is half written. */
static size_t start(struct work *w, pthread_t *threads, size_t wanted)
{
	size_t started = 0;
	pthread_attr_t attr;
	sigset_t all, before;

	if (pthread_attr_init(&attr) != 0)
		return 0;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < wanted && pthread_create(&threads[started], &attr, run, w) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return started;
}

int gather(struct fetch *fetches, size_t count)
{
	struct work w = {.fetches = fetches, .count = count};
	pthread_t threads[GATHER_THREADS];
	size_t started;

	if (init(&w) != 0)
		return -1;
	started = start(&w, threads, count < GATHER_THREADS ? count : GATHER_THREADS);
	if (started > 0)
		watch(&w);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&w.lock);
	pthread_cond_destroy(&w.changed);
	return started > 0 ? 0 : -1;
}

/* A name of the loopback address (RFC 6761), or the IPv6 loopback address. */
static bool is_loopback(const struct target *t)
{
	static const char below[] = ".localhost";
	size_t len = strlen(t->host), below_len = strlen(below);

	return strcmp(t->host, "localhost") == 0 || (t->is_ip && strcmp(t->host, "::1") == 0) ||
	       (len > below_len && strcmp(t->host + len - below_len, below) == 0);
}

/* The last two labels of a name, or the whole address: roughly what belongs to one owner. */
static const char *site_of(const struct target *t)
{
	const char *at = t->host + strlen(t->host);
	int dots = 0;

	if (is_loopback(t))
		return "127.0.0.1";
	if (t->is_ip)
		return t->host;
	while (at > t->host && dots < 2)
		if (*--at == '.')
			dots++;
	return dots == 2 ? at + 1 : at;
}

/* Have both the same CA on top, or, if it is not known, the same certificate that names it as its
 * issuer? */
static bool same_top(const struct fetch *a, const struct fetch *b)
{
	X509 *top_a, *top_b;
	enum chain_top kind_a = chain_top(&a->chain, &top_a);
	enum chain_top kind_b = chain_top(&b->chain, &top_b);

	if (kind_a != kind_b || kind_a == CHAIN_OWN || kind_a == CHAIN_OWN_CA)
		return false;
	if (kind_a == CHAIN_NONE)
		return X509_NAME_cmp(X509_get_issuer_name(top_a), X509_get_issuer_name(top_b)) == 0;
	return candidate_same_key(top_a, top_b);
}

/* The first of those with the same CA on top represents them all. */
static void set_groups(struct fetch *fetches, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fetches[i].group = i;
		for (size_t j = 0; fetches[i].connected && j < i; j++)
			if (fetches[j].connected && fetches[j].group == j &&
			    same_top(&fetches[i], &fetches[j])) {
				fetches[i].group = j;
				break;
			}
	}
}

static int count_sites(const struct fetch *fetches, size_t count, size_t group)
{
	int sites = 0;

	for (size_t i = group; i < count; i++) {
		bool first = fetches[i].group == group;

		for (size_t j = group; first && j < i; j++)
			first = fetches[j].group != group ||
				strcmp(site_of(&fetches[i].name), site_of(&fetches[j].name)) != 0;
		sites += first;
	}
	return sites;
}

void gather_compare(struct fetch *fetches, size_t count)
{
	set_groups(fetches, count);
	for (size_t i = 0; i < count; i++) {
		struct fetch *f = &fetches[i];

		f->leads_group = f->group == i;
		f->sites =
			f->leads_group ? count_sites(fetches, count, i) : fetches[f->group].sites;
	}
}
