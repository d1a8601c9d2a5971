// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client/object.h"
#include "vineyard/meta/document.h"

namespace vineyard {

/// Everything that views made from one object keep pinned.
class PinnedObjects;
/// Keeps them. Shared, because each of many views made from one object may be the last, on any
/// thread.
using SharedPins = std::shared_ptr<const PinnedObjects>;  // shared: see above

/// A node of an object that is being resolved, whose members may be inline or objects by id: both
/// read the same. Bytes that were taken stay as long as somebody holds `pins()`.
///
/// Owner:   a resolver; borrows the Object it was made of.
/// Threads: one at a time. What `pins()` gives may be released on any thread.
/// Always:  spans lie inside their pinned blob; never deeper than 64 levels, whatever refers to
///          what.
class ObjectSource {
 public:
  /// How members by id are fetched.
  using Getter = std::function<Result<Object>(ObjectId)>;

  /// Errors: invalid (a blob: it has no document).
  [[nodiscard]] static Result<ObjectSource> of(const Object& object);
  /// One node of its document, which must be of this very object.
  [[nodiscard]] static Result<ObjectSource> of(const Object& object, const meta::NodeView& node);
  /// The same, for tests and other holders of objects. `get` is kept.
  [[nodiscard]] static Result<ObjectSource> of(const Object& object, Getter get);

  [[nodiscard]] std::string_view type_name() const { return node_.type_name(); }
  [[nodiscard]] const meta::NodeView& node() const { return node_; }
  [[nodiscard]] bool has(std::string_view key) const { return node_.find(key).has_value(); }

  /// The value of a field as `as` has it; nothing if it is another one, or missing.
  template <class T>
  [[nodiscard]] std::optional<T> in_field(std::optional<T> (meta::Value::*as)() const,
                                          std::string_view key) const {
    const auto value = node_.field(key);
    return value ? ((*value).*as)() : std::nullopt;
  }
  /// A whole number. Existing programs also write it as text; then it is read.
  /// Errors: corrupt (not there, or something else), as in all that follow.
  [[nodiscard]] Result<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> text(std::string_view key) const;
  /// Whole numbers, as a list or as text like `[2, 3]`.
  [[nodiscard]] Result<std::vector<std::int64_t>> integers(std::string_view key) const;
  /// The member of that key, inline or fetched.
  /// Errors: also those of `Client::get`.
  [[nodiscard]] Result<ObjectSource> member(std::string_view key) const;
  /// The bytes of a buffer, or of a blob that is a member.
  [[nodiscard]] Result<std::span<const std::byte>> bytes(std::string_view key) const;

  /// Keeps every span that was taken.
  [[nodiscard]] SharedPins pins() const;

  /// An error about this node: `vineyard::Tensor<int>: what`.
  [[nodiscard]] Error corrupt(const std::string& what) const;

 private:
  // Shared with every view that is made of this object.
  using GrowingPins = std::shared_ptr<PinnedObjects>;
  ObjectSource(GrowingPins pins, meta::DocumentView document, meta::NodeView node,
               std::uint32_t depth)
      : pins_(std::move(pins)), document_(document), node_(node), depth_(depth) {}

  GrowingPins pins_;
  meta::DocumentView document_;
  meta::NodeView node_;
  std::uint32_t depth_ = 1;
};

}  // namespace vineyard
