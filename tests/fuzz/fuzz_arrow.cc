// SPDX-License-Identifier: Apache-2.0
// Arrow from elsewhere: a stored object (its payload, then its document), whose every byte may be
// forged; or a C array of a random type with spoilt structs. Refused, or usable without leaving its
// buffers, and the same after it was put and got again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "script.h"
#include "vineyard/base/check.h"
#include "vineyard/types/arrow/abi.h"
#include "vineyard/types/arrow/table.h"
#include "vineyard/types/fakes/c_arrays.h"
#include "vineyard/types/fakes/plain_store.h"

using namespace vineyard;
using types::testing::PlainStore;
using types::testing::RandomArrays;
using types::testing::TestArray;

namespace {

constexpr std::int64_t kWorth = 5000;  // elements that are looked at one by one

struct CPair {
  ArrowSchema schema{};
  ArrowArray array{};
  CPair() = default;
  CPair(const CPair&) = delete;
  CPair& operator=(const CPair&) = delete;
  ~CPair() {
    if (schema.release != nullptr) schema.release(&schema);
    if (array.release != nullptr) array.release(&array);
  }
};

// How many elements at most are behind one of these: lists and dictionaries may share theirs, and
// elements without bytes may be as many as somebody says.
std::int64_t behind_one(const arrow::ArrayData& array) {
  std::int64_t children = 1;
  for (const arrow::ArrayData& child : array.children) {
    const std::int64_t one = behind_one(child);
    if (one > kWorth || child.length > kWorth) return kWorth + 1;
    const bool by_element = array.layout.kind == arrow::LayoutKind::kStruct ||
                            array.layout.kind == arrow::LayoutKind::kSparseUnion;
    children += by_element ? one : one * child.length;
  }
  if (!array.dictionary.empty()) children += behind_one(array.dictionary[0]);
  return std::min(children, kWorth + 1);
}
bool is_worth_reading(const arrow::ArrayData& array) {
  const std::int64_t one = behind_one(array);
  return one <= kWorth && array.length <= kWorth && one * array.length <= kWorth;
}

std::string text_of(const Array& array) {
  if (!is_worth_reading(array.data())) return {};
  CPair c;
  array.export_array(&c.schema, &c.array);
  return types::testing::describe(c.schema) + types::testing::elements(c.schema, c.array);
}
std::string text_of(const Table& table) {
  CPair schema;
  table.export_schema(&schema.schema);
  std::string text = types::testing::describe(schema.schema);
  for (std::size_t n = 0; n < table.batches().size(); ++n) {
    CPair c;
    table.export_batch(n, &c.array);
    if (is_worth_reading(table.batches()[n]))
      text += types::testing::elements(schema.schema, c.array);
  }
  return text;
}

// What was got can be put; what passed the check is the same when it is got again.
template <class T>
void use(const Result<T>& found) {
  if (!found) return;
  PlainStore other;
  const bool is_good = found->check_content().has_value();
  const std::string text = is_good ? text_of(*found) : "";
  const auto put = other.put(*found);
  if (!is_good) return;
  if (!put) return;  // a type so deep that the document has no level left for it
  const auto again = other.get<T>(*put);
  VY_CHECK(again.has_value() && again->check_content().has_value());
  VY_CHECK(text_of(*again) == text);
}

void use_stored(const PlainStore& store, ObjectId id) {
  const auto object = store.get(id);
  if (!object) return;
  const auto name = object->root().type_name();
  if (name == "vineyard::Table" || name == "vineyard::RecordBatch") {
    use(store.get<Table>(id));
  } else {
    use(store.get<Array>(id));
  }
}

void try_stored(fuzz::Script script) {
  PlainStore store;
  const auto payload = script.run(script.number<std::uint16_t>());
  (void)store.add_blob(std::as_bytes(payload));  // the first id, which documents of the corpus name
  std::vector<std::uint8_t> document;
  while (!script.is_over()) document.push_back(script.byte());
  use_stored(store, store.add(std::as_bytes(std::span(document))));
}

// A producer in this process is believed about its memory, so only what it says about shapes is
// spoilt, never to more than there is. The last of more than three buffers holds the sizes of the
// others (views): taking it away would make another one pass for it.
void spoil(fuzz::Script& script, ArrowArray& array) {
  static constexpr std::int64_t kNoLength[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 64 + 1};
  switch (script.below(8)) {
    case 0: array.length = kNoLength[script.below(4)]; break;
    case 1: array.offset = kNoLength[script.below(4)]; break;
    case 2:
      if (array.n_buffers > 0 && array.n_buffers <= 3) --array.n_buffers;
      break;
    case 3:
      if (array.n_children > 0) --array.n_children;
      break;
    case 4:
      if (array.n_buffers > 0) array.buffers[script.byte() % array.n_buffers] = nullptr;
      break;
    case 5:
      array.length -= script.below(static_cast<std::uint32_t>(array.length) + 1);
      array.null_count = -1;
      break;
    case 6:
      if (array.n_children > 0) spoil(script, *array.children[script.byte() % array.n_children]);
      break;
    default: array.null_count = static_cast<std::int64_t>(script.edgy(10)); break;
  }
}

void try_c_array(fuzz::Script script) {
  RandomArrays random(script.number<std::uint16_t>());
  const auto& formats = RandomArrays::formats();
  const auto from = random.of(formats[script.byte() % formats.size()], script.below(20), 2);
  CPair c;
  types::testing::to_c(from, &c.schema);
  types::testing::to_c(from, &c.array);
  for (std::uint32_t n = script.below(3); n > 0; --n) spoil(script, c.array);
  const std::string format(script.text(20));
  // With another format the buffers would be too small: only the type is read.
  if (!format.empty()) {
    c.schema.format = format.c_str();
    (void)arrow::import_field(c.schema);
    return;
  }
  const auto incoming = IncomingArray::from_array(&c.schema, &c.array);
  if (!incoming) return;
  PlainStore store;
  if (const auto id = store.put(*incoming)) use(store.get<Array>(*id));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const fuzz::Script script(data + 1, size - 1);
  if (data[0] % 4 == 0) {
    try_c_array(script);
  } else {
    try_stored(script);
  }
  VY_CHECK(TestArray::live_count == 0);
  return 0;
}
