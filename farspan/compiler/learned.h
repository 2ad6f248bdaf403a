// SPDX-License-Identifier: Apache-2.0
// Learned: what a Vpc learns through its Cen, and what it refuses to learn (docs/spec/routes.md).
//
// Internal to compiler/.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "farspan/compiler/rib.h"

namespace farspan::compiler {

/// Every Vpc's piece, and the members of each Cen by number of the Vpc, so that the oldest
/// announcement of a prefix is met first.
struct Pieces {
  std::map<std::string, Piece> by_vpc;
  std::map<std::string, std::vector<const VpcPiece*>> by_cen;

  const VpcPiece* find(const std::string& vpc) const;
  /// The members of the Cen of `piece`; none when it is in none.
  const std::vector<const VpcPiece*>& cen_of(const VpcPiece& piece) const;
  /// Takes `piece` in the place of `standing`; either may be null.
  void replace(const std::string& vpc, const Piece& standing, Piece piece);
};

/// The announcement that `piece` takes for `destination`, or nullptr. It is a route of its owner's.
const RibRoute* learned(const Pieces& pieces, const VpcPiece& piece,
                        const net::Prefix& destination);

/// What the members of a Cen announce, by destination: the first announcement of each.
using Announced = std::vector<const RibRoute*>;
/// Of each Cen, made when it is asked for: for those who want all of it.
class AnnouncedByCen {
 public:
  /// @param pieces  outlives this
  explicit AnnouncedByCen(const Pieces& pieces) : pieces_(pieces) {}
  /// In the Cen of `piece`; nothing when it is in none.
  const Announced& around(const VpcPiece& piece);

 private:
  const Pieces& pieces_;
  std::map<std::string, Announced> made_;
};

/// May `piece` learn `destination`? Else something of its own goes before.
bool can_learn(const VpcPiece& piece, const net::Prefix& destination);

/// Calls `visit(route)` for each of `announced`, the announcements in its Cen, that `piece` takes:
/// those for whose destination learned() is that route. What it announces itself it has itself.
template <class Visit>
void for_each_learned(const Announced& announced, const VpcPiece& piece, Visit&& visit) {
  for (const RibRoute* route : announced)
    if (can_learn(piece, route->candidate.destination)) visit(*route);
}

/// Announcements to `destination` as candidates of the table of `piece`, each with its state and
/// reason, the taken one first.
std::vector<CandidateRoute> explain_learned(const Pieces& pieces, const VpcPiece& piece,
                                            const net::Prefix& destination);

}  // namespace farspan::compiler
