# SPDX-License-Identifier: GPL-2.0-only
# Cut the NUMBERth C block out of the README: what it shows is what is compiled.
file(READ ${README} text)
foreach(block RANGE 1 ${NUMBER})
	string(FIND "${text}" "```c\n" first)
	if(first EQUAL -1)
		message(FATAL_ERROR "${README}: fewer than ${NUMBER} C examples")
	endif()
	math(EXPR first "${first} + 5")
	string(SUBSTRING "${text}" ${first} -1 text)
endforeach()
string(FIND "${text}" "```" last)
string(SUBSTRING "${text}" 0 ${last} text)
file(WRITE ${OUT} "${text}")
