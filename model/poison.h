/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the address sanitizer is to know of memory that is ours but in no use: nothing without it.
 */
#ifndef MODEL_POISON_H
#define MODEL_POISON_H

#include "base.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIO_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SIO_ASAN 1
#endif

#ifdef SIO_ASAN
#include <sanitizer/asan_interface.h>
#define poison(at, len)   ASAN_POISON_MEMORY_REGION(at, len)
#define unpoison(at, len) ASAN_UNPOISON_MEMORY_REGION(at, len)
#else
#define poison(at, len)   ((void)(at), (void)(len))
#define unpoison(at, len) ((void)(at), (void)(len))
#endif

#endif
