# farspan_folder(NAME [PROGRAM] DEPS ...): the targets of one folder.
#
#   farspan_NAME          static library of every *.cpp but main.cpp and *_test.cpp (INTERFACE when there is none)
#   farspan_NAME_test     GoogleTest program of every *_test.cpp, registered with CTest
#   PROGRAM               executable of main.cpp
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

function(farspan_folder NAME)
  cmake_parse_arguments(ARG "" "PROGRAM" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")

  if(sources)
    add_library(farspan_${NAME} STATIC ${sources})
    target_link_libraries(farspan_${NAME} PUBLIC farspan_options ${ARG_DEPS})
  else()
    add_library(farspan_${NAME} INTERFACE)
    target_link_libraries(farspan_${NAME} INTERFACE farspan_options ${ARG_DEPS})
  endif()

  if(tests)
    add_executable(farspan_${NAME}_test ${tests})
    target_link_libraries(farspan_${NAME}_test PRIVATE farspan_${NAME} GTest::gmock_main Threads::Threads)
    gtest_discover_tests(farspan_${NAME}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)
  endif()

  if(ARG_PROGRAM AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
    add_executable(${ARG_PROGRAM} main.cpp)
    target_link_libraries(${ARG_PROGRAM} PRIVATE farspan_${NAME} Threads::Threads)
  endif()
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
