// SPDX-License-Identifier: Apache-2.0
// random_documents json|yaml COUNT SEED: random resources as people would get them, for readers
// that are not ours.
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "farspan/documents/print.h"
#include "farspan/model/random_resource.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: random_documents json|yaml COUNT SEED\n";
    return 2;
  }
  using namespace farspan;
  model::testing::RandomResource random(static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10)));
  const bool is_json = std::string_view(argv[1]) == "json";
  for (long left = std::atol(argv[2]); left > 0; --left) {
    const model::AnyResource resource = random.next();
    if (is_json)
      std::cout << documents::to_json(resource, 0, -1) << "\n";
    else
      std::cout << "---\n" << documents::to_yaml(resource);
  }
  return 0;
}
