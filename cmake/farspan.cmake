# farspan_folder(NAME [PROGRAM] [TOGETHER] DEPS ...): the targets of one folder.
#
#   farspan_NAME          static library of every *.cpp but main.cpp and *_test.cpp (INTERFACE when there is none)
#   farspan_NAME_test     GoogleTest program of every *_test.cpp, registered with CTest
#   PROGRAM               executable of main.cpp
#   TOGETHER              the library's files are compiled eight at a time: what they include is read once
#                         (docs/perf.md), and names in their unnamed namespaces must differ
#
# Only the folder itself is searched, so a sub-folder has its own CMakeLists.txt and its own targets.

find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
include(GoogleTest)

add_library(farspan_options INTERFACE)
target_include_directories(farspan_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_options(farspan_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang's -Wconversion also means sign conversion in places where gcc stays quiet
  target_compile_options(farspan_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-sign-conversion -Wno-implicit-int-conversion -Wno-shorten-64-to-32>)
endif()

# What nearly every file includes is read once. CMAKE_DISABLE_PRECOMPILE_HEADERS=ON goes without (for ccache over several trees).
set(FARSPAN_STANDARD_HEADERS <algorithm> <array> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional> <set> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector>)

# Tests are compiled often and run once: in release builds only what they test is optimised.
add_library(farspan_test_options INTERFACE)
# With or without -pthread all of them alike: some of what they link asks for it, and the headers are compiled once.
target_compile_options(farspan_test_options INTERFACE -pthread $<$<CONFIG:RelWithDebInfo>:-O0>)

add_library(farspan_test_headers STATIC ${CMAKE_CURRENT_LIST_DIR}/test_headers.cpp)
set_target_properties(farspan_test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)  # tests are programs: -fPIE, not -fPIC
target_compile_options(farspan_test_headers PRIVATE -fPIE)
target_link_libraries(farspan_test_headers PUBLIC farspan_options farspan_test_options GTest::gmock)
target_precompile_headers(farspan_test_headers PRIVATE ${FARSPAN_STANDARD_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)

function(farspan_folder NAME)
  cmake_parse_arguments(ARG "TOGETHER" "PROGRAM" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")

  if(sources)
    add_library(farspan_${NAME} STATIC ${sources})
    target_link_libraries(farspan_${NAME} PUBLIC farspan_options ${ARG_DEPS})
    if(ARG_TOGETHER)
      set_target_properties(farspan_${NAME} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
      if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # it takes a file that is included for a header, whose unnamed types differ
        target_compile_options(farspan_${NAME} PRIVATE -Wno-subobject-linkage)
      endif()
    endif()
  else()
    add_library(farspan_${NAME} INTERFACE)
    target_link_libraries(farspan_${NAME} INTERFACE farspan_options ${ARG_DEPS})
  endif()

  if(tests)
    add_executable(farspan_${NAME}_test ${tests})
    target_link_libraries(farspan_${NAME}_test PRIVATE farspan_${NAME} GTest::gmock_main Threads::Threads)
    target_precompile_headers(farspan_${NAME}_test REUSE_FROM farspan_test_headers)
    target_link_libraries(farspan_${NAME}_test PRIVATE farspan_test_options)
    gtest_discover_tests(farspan_${NAME}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)
  endif()

  if(ARG_PROGRAM AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
    add_executable(${ARG_PROGRAM} main.cpp)
    target_link_libraries(${ARG_PROGRAM} PRIVATE farspan_${NAME} Threads::Threads)
  endif()
endfunction()

# farspan_lab_test(NAME TIMEOUT seconds COMMAND words... [ENVIRONMENT NAME=value...]): a test on real peers in network
# namespaces; needs root: ctest -L lab. Its network and /run are its own: several may run at a time.
function(farspan_lab_test NAME)
  cmake_parse_arguments(ARG "" "TIMEOUT" "COMMAND;ENVIRONMENT" ${ARGN})
  add_test(NAME ${NAME} COMMAND ${CMAKE_SOURCE_DIR}/tools/isolated ${ARG_COMMAND})
  set_tests_properties(${NAME} PROPERTIES LABELS lab TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;${ARG_ENVIRONMENT}")
endfunction()

# farspan_hot_code(TARGETS...): folders whose functions run for every packet. Release builds optimise them across
# folders, but only in programs that ask for it: everything else (tests above all) links the plain object code,
# because optimising again at every link costs seconds each.
# farspan_hot_program(TARGET): such a program. Measured: 8 % of a sealed 1400-byte packet (docs/perf.md).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  set(FARSPAN_LINK_TIME ON)
  add_link_options(-fno-lto)
endif()

function(farspan_hot_code)
  if(FARSPAN_LINK_TIME)
    foreach(target ${ARGN})
      target_compile_options(${target} PRIVATE -O3 -flto=auto -ffat-lto-objects)
    endforeach()
  endif()
endfunction()

function(farspan_hot_program TARGET)
  if(FARSPAN_LINK_TIME)
    get_target_property(options ${TARGET} LINK_OPTIONS)
    list(REMOVE_ITEM options -fno-lto)  # once said, a later -flto does not take it back
    set_target_properties(${TARGET} PROPERTIES LINK_OPTIONS "${options};-O3;-flto=auto")
  endif()
endfunction()
