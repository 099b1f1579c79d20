# hm_test(NAME n SOURCES a.c DEPENDS t... LABEL unit): a cmocka program, run by CTest with its folder as WORKING_DIRECTORY.
# hm_script_test(NAME n COMMAND ... LABEL e2e [TIMEOUT s]): any command; exit code 77 means skipped. It is ended after three times s.
# Tests that may take long begin first (COST), so that none of them is left alone at the end.
# hm_fuzz(NAME n SOURCES x.c DEPENDS t... CORPUS dir): libFuzzer where HALLMARK_FUZZ is on; its corpus replayed by CTest always.

pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

function(hm_test)
  cmake_parse_arguments(A "" "NAME;LABEL;TIMEOUT" "SOURCES;DEPENDS;ENVIRONMENT" ${ARGN})
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPENDS} hm_flags PkgConfig::CMOCKA)
  add_test(NAME ${A_NAME} COMMAND ${A_NAME})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  set_tests_properties(${A_NAME} PROPERTIES LABELS "${A_LABEL}" TIMEOUT ${A_TIMEOUT} COST ${A_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "HALLMARK_SOURCE=${PROJECT_SOURCE_DIR};HALLMARK_BUILD=${PROJECT_BINARY_DIR};${A_ENVIRONMENT}")
endfunction()

function(hm_script_test)
  cmake_parse_arguments(A "SERIAL" "NAME;LABEL;TIMEOUT" "COMMAND" ${ARGN})
  add_test(NAME ${A_NAME} COMMAND ${A_COMMAND})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 180)
  endif()
  math(EXPR limit "3 * ${A_TIMEOUT}") # against hanging alone: a busy machine takes its time
  set_tests_properties(${A_NAME} PROPERTIES LABELS "${A_LABEL}" TIMEOUT ${limit} COST ${A_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "HALLMARK_SOURCE=${PROJECT_SOURCE_DIR};HALLMARK_BUILD=${PROJECT_BINARY_DIR}")
  if(A_SERIAL)
    set_tests_properties(${A_NAME} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

function(hm_fuzz)
  cmake_parse_arguments(A "" "NAME;CORPUS" "SOURCES;DEPENDS" ${ARGN})
  if(HALLMARK_FUZZ)
    add_executable(${A_NAME} ${A_SOURCES})
    target_link_options(${A_NAME} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${A_NAME} COMMAND ${A_NAME} -runs=0 "${A_CORPUS}")
  else()
    add_executable(${A_NAME} ${A_SOURCES} "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.c")
    add_test(NAME ${A_NAME} COMMAND ${A_NAME} "${A_CORPUS}")
  endif()
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPENDS} hm_flags)
  set_tests_properties(${A_NAME} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
