// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/source.h"

#include <charconv>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vineyard/base/extent.h"
#include "vineyard/base/limits.h"
#include "vineyard/base/try.h"

namespace vineyard {

/// The objects that a resolver has fetched.
///
/// Owner:   the sources and views of one object, together.
/// Threads: fetching one at a time; released on any thread.
/// Always:  an object that was fetched stays where it is.
class PinnedObjects {
 public:
  explicit PinnedObjects(ObjectSource::Getter get) : get_(std::move(get)) {}

  Result<const Object*> get(ObjectId id) {
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    VY_TRY(Object object, get_(id));
    objects_.push_back(std::move(object));
    known_.emplace(id, &objects_.back());
    return &objects_.back();
  }

 private:
  ObjectSource::Getter get_;
  std::deque<Object> objects_;
  std::unordered_map<ObjectId, const Object*> known_;
};

namespace {

// Whole numbers in brackets, as JSON writes them.
bool parse_integers(std::string_view text, std::vector<std::int64_t>& out) {
  const auto skip = [&text] {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  };
  const auto take = [&](char c) {
    skip();
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  };
  if (!take('[')) return false;
  if (!take(']')) {
    do {
      skip();
      std::int64_t number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code != std::errc()) return false;
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      out.push_back(number);
    } while (take(','));
    if (!take(']')) return false;
  }
  skip();
  return text.empty();
}

}  // namespace

Result<ObjectSource> ObjectSource::of(const Object& object) {
  return of(object, [&object](ObjectId id) { return object.get(id); });
}

Result<ObjectSource> ObjectSource::of(const Object& object, const meta::NodeView& node) {
  VY_TRY(ObjectSource source, of(object));
  source.node_ = node;
  return source;
}

Result<ObjectSource> ObjectSource::of(const Object& object, Getter get) {
  if (object.is_blob())
    return Error(ErrorCode::kInvalid, object.id().to_string() + " is a blob, not an object");
  return ObjectSource(std::make_shared<PinnedObjects>(std::move(get)), object.document(),
                      object.root(), 1);
}

Error ObjectSource::corrupt(const std::string& what) const {
  return Error(ErrorCode::kCorrupt, std::string(type_name()) + ": " + what);
}

Result<std::int64_t> ObjectSource::integer(std::string_view key) const {
  if (const auto number = in_field(&meta::Value::as_int64, key)) return *number;
  if (const auto text = in_field(&meta::Value::as_text, key)) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (code == std::errc() && end == text->data() + text->size()) return number;
  }
  return corrupt("no whole number '" + std::string(key) + "'");
}

Result<std::string_view> ObjectSource::text(std::string_view key) const {
  if (const auto text = in_field(&meta::Value::as_text, key)) return *text;
  return corrupt("no text '" + std::string(key) + "'");
}

Result<std::vector<std::int64_t>> ObjectSource::integers(std::string_view key) const {
  std::vector<std::int64_t> numbers;
  if (const auto list = in_field(&meta::Value::as_int64_list, key)) {
    numbers.assign(list->begin(), list->end());
    return numbers;
  }
  const auto text = in_field(&meta::Value::as_text, key);
  if (text && parse_integers(*text, numbers)) return numbers;
  return corrupt("no list of whole numbers '" + std::string(key) + "'");
}

Result<ObjectSource> ObjectSource::member(std::string_view key) const {
  const auto member = node_.member(key);
  if (!member) return corrupt("no member '" + std::string(key) + "'");
  if (depth_ >= limits::kMaxDepth) return corrupt("members deeper than 64 levels");
  if (const auto node = member->as_node()) return ObjectSource(pins_, document_, *node, depth_ + 1);
  const auto id = member->as_object();
  if (!id) return corrupt("'" + std::string(key) + "' is a buffer");
  VY_TRY(const Object* object, pins_->get(*id));
  if (object->is_blob()) return corrupt("'" + std::string(key) + "' is a blob");
  return ObjectSource(pins_, object->document(), object->root(), depth_ + 1);
}

Result<std::span<const std::byte>> ObjectSource::bytes(std::string_view key) const {
  const auto member = node_.member(key);
  if (!member) return corrupt("no buffer '" + std::string(key) + "'");
  if (const auto range = member->as_buffer()) {
    VY_TRY(const Object* blob, pins_->get(document_.reference(range->reference)));
    const auto all = blob->view().bytes();
    if (!blob->is_blob() || !lies_within(range->offset, range->length, all.size()))
      return corrupt("buffer '" + std::string(key) + "' does not lie inside its blob");
    return all.subspan(range->offset, range->length);
  }
  const auto id = member->as_object();
  if (!id) return corrupt("'" + std::string(key) + "' is no buffer");
  if (*id == ObjectId::empty_blob()) return std::span<const std::byte>();
  VY_TRY(const Object* blob, pins_->get(*id));
  if (!blob->is_blob()) return corrupt("'" + std::string(key) + "' is no buffer");
  return blob->view().bytes();
}

SharedPins ObjectSource::pins() const {
  return pins_;
}

}  // namespace vineyard
