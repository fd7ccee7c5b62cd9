# SPDX-License-Identifier: GPL-2.0-only
# Presets are platform files like a user's own; this turns them into C strings for the program.
# cmake -DOUT=FILE.c "-DFILES=a.cfg;b.cfg" -P embed.cmake
set(entries "")
foreach(file IN LISTS FILES)
	get_filename_component(name ${file} NAME_WE)
	file(READ ${file} text)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\n" "\\n\"\n\t\"" text "${text}")
	string(APPEND entries "{\"${name}\",\n\t\"${text}\"},\n")
endforeach()
file(WRITE ${OUT} "/* Made from sim/platform/presets; not edited by hand. */
#include \"platform.h\"

static const struct platform_preset presets[] = {
${entries}};

const struct platform_preset *platform_preset_at(unsigned n)
{
	return n < sizeof(presets) / sizeof(presets[0]) ? &presets[n] : NULL;
}
")
