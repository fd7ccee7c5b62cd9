// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a platform file: a machine that audits clean, or one line that says what is wrong.
 */
#include "fuzz.h"

#include "softiommu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libconfig 1.5 loses the text of a string that stands where its grammar wants none. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static void fail(const char *what)
{
	fprintf(stderr, "platform: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sio_machine_cfg cfg = {.ram_bytes = UINT64_C(64) << 20};
	struct sio_machine *machine = NULL;
	char *text, error[512] = "", what[256];

	if (size > 65536)
		return 0;
	fuzz_counts->inputs++;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	cfg.platform_text = text;
	if (sio_machine_create(&cfg, &machine, error, sizeof(error)) == 0) {
		if (sio_audit(machine, true, what, sizeof(what)))
			fail(what);
		sio_machine_destroy(machine);
	} else if (!error[0] || strchr(error, '\n')) {
		fail("refused without one line that says why");
	}
	free(text);
	return 0;
}
