// SPDX-License-Identifier: GPL-2.0-only
/*
 * What firmware says beside the units themselves: memory that devices must reach one to one
 * (`rmrr`, `ivmd`), and where device TLBs are allowed (`atsr`, `satc`).
 *
 * Source: VT-d, "DMA Remapping Reporting Structure"; AMD I/O Virtualization Technology, "I/O
 * Virtualization Memory Definition Block".
 */
#include "parse.h"

#define RMRR(field) offsetof(struct platform_rmrr, field)
#define IVMD(field) offsetof(struct platform_ivmd, field)
#define ATS(field)  offsetof(struct platform_ats, field)

static bool whole_pages(uint64_t first, uint64_t last)
{
	return sio_is_aligned(first, SIO_PAGE_SIZE) && sio_is_aligned(last + 1, SIO_PAGE_SIZE) &&
	       first < last;
}

/* ---- rmrr ---- */

static int parse_rmrr_devices(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_rmrr *rmrr = object;

	return setting_bdf_list(parser, setting, &rmrr->segment, &rmrr->rids, &rmrr->count);
}

static const struct key rmrr_keys[] = {
	{"first", KEY_U64, .offset = RMRR(first)},
	{"last", KEY_U64, .offset = RMRR(last)},
	{"devices", KEY_CALL, .call = parse_rmrr_devices},
	{"relaxable", KEY_BOOL, .offset = RMRR(relaxable)},
};

static int rmrr_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	struct platform_rmrr *rmrr = object;
	int rc = keys_parse(parser, group, "rmrr", rmrr_keys, SIO_ARRAY_SIZE(rmrr_keys), rmrr);

	if (rc)
		return rc;
	if (!rmrr->count)
		return parser_error(parser, rmrr->place,
				    "an rmrr has no devices, expected at least one");
	if (!whole_pages(rmrr->first, rmrr->last))
		return parser_error(
			parser, rmrr->place,
			"an rmrr is no range of whole pages, expected first = 0x...000 below last "
			"= 0x...fff");
	return 0;
}

int firmware_parse_rmrr(struct parser *parser, const config_setting_t *list, void *object)
{
	static const struct section section = {
		.name = "rmrr",
		.size = sizeof(struct platform_rmrr),
		.place = RMRR(place),
		.each = rmrr_parse,
	};
	struct platform *platform = object;
	void *array = NULL;
	int rc = section_parse(parser, list, &section, &array, &platform->rmrr_count);

	platform->rmrr = array;
	return rc;
}

/* ---- ivmd ---- */

static int parse_ivmd_devices(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_ivmd *ivmd = object;

	return setting_bdf_list(parser, setting, &ivmd->segment, &ivmd->rids, &ivmd->count);
}

static const struct key ivmd_keys[] = {
	{"first", KEY_U64, .offset = IVMD(first)},
	{"last", KEY_U64, .offset = IVMD(last)},
	{"segment", KEY_U16, .offset = IVMD(segment)},
	{"devices", KEY_CALL, .call = parse_ivmd_devices},
	{"read", KEY_BOOL, .offset = IVMD(read)},
	{"write", KEY_BOOL, .offset = IVMD(write)},
	{"exclusion", KEY_BOOL, .offset = IVMD(exclusion)},
};

static int ivmd_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	struct platform_ivmd *ivmd = object;
	int rc;

	ivmd->read = ivmd->write = true;
	rc = keys_parse(parser, group, "ivmd", ivmd_keys, SIO_ARRAY_SIZE(ivmd_keys), ivmd);
	if (rc)
		return rc;
	if (!whole_pages(ivmd->first, ivmd->last))
		return parser_error(
			parser, ivmd->place,
			"an ivmd is no range of whole pages, expected first = 0x...000 below last "
			"= 0x...fff");
	if (!ivmd->read && !ivmd->write)
		return parser_error(parser, ivmd->place,
				    "an ivmd allows nothing, expected read or write");
	return 0;
}

int firmware_parse_ivmd(struct parser *parser, const config_setting_t *list, void *object)
{
	static const struct section section = {
		.name = "ivmd",
		.size = sizeof(struct platform_ivmd),
		.place = IVMD(place),
		.each = ivmd_parse,
	};
	struct platform *platform = object;
	void *array = NULL;
	int rc = section_parse(parser, list, &section, &array, &platform->ivmd_count);

	platform->ivmd = array;
	return rc;
}

/* ---- atsr, satc ---- */

static int parse_ats_devices(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_ats *ats = object;

	return setting_bdf_list(parser, setting, &ats->segment, &ats->rids, &ats->count);
}

static const struct key atsr_keys[] = {
	{"segment", KEY_U16, .offset = ATS(segment)},
	{"ports", KEY_CALL, .call = parse_ats_devices},
	{"all-ports", KEY_BOOL, .offset = ATS(all)},
};

static const struct key satc_keys[] = {
	{"devices", KEY_CALL, .call = parse_ats_devices},
	{"required", KEY_BOOL, .offset = ATS(all)},
};

static int atsr_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	struct platform_ats *ats = object;
	int rc = keys_parse(parser, group, "atsr", atsr_keys, SIO_ARRAY_SIZE(atsr_keys), ats);

	if (!rc && ats->all == (ats->count != 0))
		return parser_error(parser, ats->place,
				    "an atsr has %s, expected ports or all-ports = true",
				    ats->all ? "both" : "no ports");
	return rc;
}

static int satc_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	struct platform_ats *ats = object;
	int rc = keys_parse(parser, group, "satc", satc_keys, SIO_ARRAY_SIZE(satc_keys), ats);

	if (!rc && !ats->count)
		return parser_error(parser, ats->place,
				    "a satc has no devices, expected at least one");
	return rc;
}

int firmware_parse_atsr(struct parser *parser, const config_setting_t *list, void *object)
{
	static const struct section section = {
		.name = "atsr",
		.size = sizeof(struct platform_ats),
		.place = ATS(place),
		.each = atsr_parse,
	};
	struct platform *platform = object;
	void *array = NULL;
	int rc = section_parse(parser, list, &section, &array, &platform->atsr_count);

	platform->atsr = array;
	return rc;
}

int firmware_parse_satc(struct parser *parser, const config_setting_t *list, void *object)
{
	static const struct section section = {
		.name = "satc",
		.size = sizeof(struct platform_ats),
		.place = ATS(place),
		.each = satc_parse,
	};
	struct platform *platform = object;
	void *array = NULL;
	int rc = section_parse(parser, list, &section, &array, &platform->satc_count);

	platform->satc = array;
	return rc;
}
