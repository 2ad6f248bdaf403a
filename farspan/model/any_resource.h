// SPDX-License-Identifier: Apache-2.0
// AnyResource: one resource of any kind, and how it goes in and out of a Model.
//
// The API, the store and the command line speak of "a resource" before they know its kind;
// everything behind them speaks of kinds. The variant is made from Kinds, so a kind added
// there cannot be forgotten here.
//
// Not here: text and stored forms (farspan/documents), names of kinds (kind_names.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "farspan/model/model.h"

namespace farspan::model {

template <class List>
struct VariantOfKinds;
template <class... Resources>
struct VariantOfKinds<std::tuple<ByName<Resources>...>> {
  using type = std::variant<Resources...>;
};

using AnyResource = VariantOfKinds<Kinds>::type;

/// An empty resource of `kind` (exact spelling), or nothing when there is no such kind.
std::optional<AnyResource> make(std::string_view kind);

/// "IpsecConnection".
std::string_view kind_of(const AnyResource& resource);
Meta& meta_of(AnyResource& resource);
const Meta& meta_of(const AnyResource& resource);
/// Its id: the given one, or for a resource from before there were any the one that its number,
/// which is as stable, makes: "vpc-n12".
std::string id_of(const AnyResource& resource);
/// "IpsecConnection office-1", as errors name it.
std::string label_of(const AnyResource& resource);

/// The resource called `name` of `kind` (exact spelling), or nothing.
std::optional<AnyResource> find(const Model& model, std::string_view kind, const std::string& name);

/// Every resource of `model` in the order of kinds and names; of one kind only if `kind` is given.
std::vector<AnyResource> list(const Model& model, std::string_view kind = {});

/// Creates or replaces. A resource that stands keeps its number whatever `resource` says; a new one
/// brings its own.
void upsert(Model& model, AnyResource resource);

/// True when there was one to take away.
bool erase(Model& model, std::string_view kind, const std::string& name);

/// Lets `resource` name `to` wherever it names the resource `from` of `kind`; true when it did.
bool rename_references(AnyResource& resource, std::string_view kind, const std::string& from,
                       const std::string& to);

/// Gives `declared` the secrets it leaves out: those of `standing` (the same resource as it is now,
/// may be null), else a new one from `make_secret`.
void fill_secrets(AnyResource& declared, const AnyResource* standing,
                  const std::function<std::string()>& make_secret);

/// Gives `declared` the id and the time of creation of `standing` (the same resource as it is now,
/// may be null), or new ones, and the time of its last change, which is `now` unless nothing
/// differs.
void fill_times(AnyResource& declared, const AnyResource* standing, int64_t now,
                const std::function<uint64_t()>& make_random);

/// Gives `declared`, when it is a Node, the identity of `standing`, or a new one made at
/// `revision`.
void fill_identity(AnyResource& declared, const AnyResource* standing, uint64_t revision,
                   const std::function<uint64_t()>& make_random);

}  // namespace farspan::model
