// SPDX-License-Identifier: Apache-2.0
// A program that has a debug check, whatever the build: what tools/check_release_program must find.
#include "farspan/base/check.h"

int main(int argc, char**) { return FS_HOLDS(argc > 0) ? 0 : 1; }
