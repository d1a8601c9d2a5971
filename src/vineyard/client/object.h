// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/client/view.h"
#include "vineyard/meta/document.h"

namespace vineyard {

/// An object that is being read: its pinned document, and its payload on demand. A blob has bytes
/// and no document.
///
/// Owner:   whoever holds it; movable. It outlives the Client it came from.
/// Threads: any number at once; immutable.
/// Always:  the document is validated. While it lives, everything the document refers to stays
/// there; each buffer or
///          member that is taken has a pin of its own and needs the Object no longer.
class Object {
 public:
  Object() = default;
  /// For the client only: `document` was validated, and lies in `view`.
  Object(View view, meta::DocumentView document) : view_(std::move(view)), document_(document) {}

  [[nodiscard]] ObjectId id() const { return view_.id(); }
  [[nodiscard]] bool is_blob() const { return document_.is_empty(); }
  /// `vineyard::Blob` for a blob.
  [[nodiscard]] std::string_view type_name() const;
  /// Bytes of payload, as the document says; of a blob its size.
  [[nodiscard]] std::uint64_t nbytes() const;
  /// Empty for a blob.
  [[nodiscard]] meta::DocumentView document() const { return document_; }
  /// The root of the document. Not for a blob.
  [[nodiscard]] meta::NodeView root() const { return document_.root(); }
  /// The pinned bytes: of the document, or of the blob.
  [[nodiscard]] const View& view() const { return view_; }

  /// Pins a range of a payload blob.
  /// Errors: corrupt (the range is not inside the blob), and those of `Client::get_view`.
  [[nodiscard]] Result<Buffer> buffer(const meta::Buffer& range) const;
  /// Pins the buffer that stands in `node` under `key`. Errors: also not_found (no such buffer).
  [[nodiscard]] Result<Buffer> buffer(const meta::NodeView& node, std::string_view key) const;
  /// The same in the root.
  [[nodiscard]] Result<Buffer> buffer(std::string_view key) const { return buffer(root(), key); }
  /// A private, writable copy of a range (copied page by page when written).
  [[nodiscard]] Result<WritableCopy> writable(const meta::Buffer& range) const;
  /// The same for all bytes of a blob. Errors: invalid (not a blob).
  [[nodiscard]] Result<WritableCopy> writable() const;

  /// Gets the member that stands in `node` under `key` by its id. (An inline member is
  /// `node.member(key)->as_node()`.) Errors: not_found (no such member, or it is inline), and those
  /// of `Client::get`.
  [[nodiscard]] Result<Object> member(const meta::NodeView& node, std::string_view key) const;
  [[nodiscard]] Result<Object> member(std::string_view key) const { return member(root(), key); }
  /// Gets another object of the same instance.
  [[nodiscard]] Result<Object> get(ObjectId id) const;

 private:
  View view_;
  meta::DocumentView document_;
};

}  // namespace vineyard
