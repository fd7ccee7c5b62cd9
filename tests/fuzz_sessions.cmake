# SPDX-License-Identifier: GPL-2.0-only
# What a fuzz target plays of random inputs, printed as recordings, replays without a difference:
# cmake -DTARGET=program -DSOFTIOMMU=program -DOUT=folder -DCOUNT=inputs -DSEED=first -P this file.
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT})
set(ENV{FUZZ_RECORD} ${OUT})
execute_process(COMMAND ${TARGET} --random ${COUNT} ${SEED} RESULT_VARIABLE status
	OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(NOT status EQUAL 0)
	message(FATAL_ERROR "${TARGET} --random ${COUNT} ${SEED}: ${status}\n${text}")
endif()
file(GLOB sessions ${OUT}/*.txt)
if(NOT sessions)
	message(FATAL_ERROR "${TARGET} recorded nothing")
endif()
execute_process(COMMAND ${SOFTIOMMU} replay --quiet --audit-every 0 ${sessions}
	RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(NOT status EQUAL 0)
	message(FATAL_ERROR "${TARGET} --random ${COUNT} ${SEED}, in ${OUT}:\n${text}")
endif()
file(REMOVE_RECURSE ${OUT})
