// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "vineyard/types/arrow/abi.h"

// For tests: C arrays of every layout, made at random, and a reader that knows nothing of our code.
namespace vineyard::types::testing {

/// One array with memory of its own, each buffer exactly as long as it must be.
///
/// Owner:   a test, or the C structs made of it.
/// Threads: one.
/// Always:  `live_count` counts the C arrays that were made and not released yet.
struct TestArray {
  std::string name;
  std::string format;
  std::string metadata;
  std::int64_t flags = ARROW_FLAG_NULLABLE;
  std::int64_t length = 0;
  std::int64_t null_count = 0;
  std::int64_t offset = 0;
  std::vector<std::vector<std::uint8_t>> buffers;
  bool lacks_validity = false;  // buffers[0] is a null pointer
  std::vector<std::shared_ptr<TestArray>> children;
  std::shared_ptr<TestArray> dictionary;

  static inline int live_count = 0;
};

namespace detail {

struct CArray {
  std::shared_ptr<TestArray> array;
  std::vector<const void*> buffers;
  std::vector<std::int64_t> sizes;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
  ArrowArray dictionary{};
};
inline void release_c_array(ArrowArray* array) {
  auto* owned = static_cast<CArray*>(array->private_data);
  for (ArrowArray& child : owned->children)
    if (child.release != nullptr) child.release(&child);
  if (owned->dictionary.release != nullptr) owned->dictionary.release(&owned->dictionary);
  delete owned;
  array->release = nullptr;
  --TestArray::live_count;
}

struct CSchema {
  std::shared_ptr<TestArray> array;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
  ArrowSchema dictionary{};
};
inline void release_c_schema(ArrowSchema* schema) {
  auto* owned = static_cast<CSchema*>(schema->private_data);
  for (ArrowSchema& child : owned->children)
    if (child.release != nullptr) child.release(&child);
  if (owned->dictionary.release != nullptr) owned->dictionary.release(&owned->dictionary);
  delete owned;
  schema->release = nullptr;
  --TestArray::live_count;
}

}  // namespace detail

inline void to_c(const std::shared_ptr<TestArray>& array, ArrowArray* out) {
  auto* owned = new detail::CArray{array, {}, {}, {}, {}, {}};
  const bool is_view = array->format == "vu" || array->format == "vz";
  for (std::size_t i = 0; i < array->buffers.size(); ++i) {
    owned->buffers.push_back(i == 0 && array->lacks_validity ? nullptr : array->buffers[i].data());
    if (i >= 2) owned->sizes.push_back(static_cast<std::int64_t>(array->buffers[i].size()));
  }
  if (is_view) owned->buffers.push_back(owned->sizes.data());
  owned->children.resize(array->children.size());
  for (std::size_t i = 0; i < array->children.size(); ++i) {
    to_c(array->children[i], &owned->children[i]);
    owned->pointers.push_back(&owned->children[i]);
  }
  if (array->dictionary) to_c(array->dictionary, &owned->dictionary);
  *out = ArrowArray{.length = array->length,
                    .null_count = array->null_count,
                    .offset = array->offset,
                    .n_buffers = static_cast<std::int64_t>(owned->buffers.size()),
                    .n_children = static_cast<std::int64_t>(owned->children.size()),
                    .buffers = owned->buffers.data(),
                    .children = owned->pointers.data(),
                    .dictionary = array->dictionary ? &owned->dictionary : nullptr,
                    .release = detail::release_c_array,
                    .private_data = owned};
  ++TestArray::live_count;
}

inline void to_c(const std::shared_ptr<TestArray>& array, ArrowSchema* out) {
  auto* owned = new detail::CSchema{array, {}, {}, {}};
  owned->children.resize(array->children.size());
  for (std::size_t i = 0; i < array->children.size(); ++i) {
    to_c(array->children[i], &owned->children[i]);
    owned->pointers.push_back(&owned->children[i]);
  }
  if (array->dictionary) to_c(array->dictionary, &owned->dictionary);
  *out = ArrowSchema{.format = array->format.c_str(),
                     .name = array->name.c_str(),
                     .metadata = array->metadata.empty() ? nullptr : array->metadata.data(),
                     .flags = array->flags,
                     .n_children = static_cast<std::int64_t>(owned->children.size()),
                     .children = owned->pointers.data(),
                     .dictionary = array->dictionary ? &owned->dictionary : nullptr,
                     .release = detail::release_c_schema,
                     .private_data = owned};
  ++TestArray::live_count;
}

// ---- the reader

namespace detail {

template <class T>
T at(const void* buffer, std::int64_t index) {
  T value;
  std::memcpy(&value,
              static_cast<const char*>(buffer) + index * static_cast<std::int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}
inline bool bit_at(const void* buffer, std::int64_t index) {
  return (static_cast<const unsigned char*>(buffer)[index / 8] >> (index % 8) & 1) != 0;
}
inline std::int64_t width_of(const std::string& format) {
  static const std::string one = "cC";
  static const std::string two = "sSe";
  static const std::string four = "iIf";
  static const std::string eight = "lLg";
  if (format.size() == 1) {
    const auto has = [&format](const std::string& set) {
      return set.find(format) != std::string::npos;
    };
    return has(one) ? 1 : has(two) ? 2 : has(four) ? 4 : has(eight) ? 8 : 0;
  }
  if (format.starts_with("w:")) return std::stoll(format.substr(2));
  if (format == "tdD" || format == "tts" || format == "ttm" || format == "tiM") return 4;
  if (format == "tin") return 16;
  if (format.starts_with("t")) return 8;
  if (format.starts_with("d:")) {
    const auto comma = format.find(',', format.find(',') + 1);
    return comma == std::string::npos ? 16 : std::stoll(format.substr(comma + 1)) / 8;
  }
  return 0;
}
inline std::string hex(const void* bytes, std::int64_t size) {
  std::string text;
  for (std::int64_t i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<const unsigned char*>(bytes)[i]);
    text += digits;
  }
  return text;
}
inline std::int64_t whole_number(const std::string& format, const void* buffer,
                                 std::int64_t index) {
  switch (format[0]) {
    case 'c': return at<std::int8_t>(buffer, index);
    case 'C': return at<std::uint8_t>(buffer, index);
    case 's': return at<std::int16_t>(buffer, index);
    case 'S': return at<std::uint16_t>(buffer, index);
    case 'i': return at<std::int32_t>(buffer, index);
    case 'I': return at<std::uint32_t>(buffer, index);
    default: return at<std::int64_t>(buffer, index);
  }
}

}  // namespace detail

/// Element `index` of a C array as text, by the words of the specification.
inline std::string element(const ArrowSchema& schema, const ArrowArray& array, std::int64_t index) {
  using namespace detail;
  const std::string format = schema.format;
  const std::int64_t p = array.offset + index;
  const auto children = [&](const ArrowSchema& s, const ArrowArray& a, std::int64_t begin,
                            std::int64_t end) {
    std::string text = "[";
    for (std::int64_t i = begin; i < end; ++i) text += element(s, a, i) + ",";
    return text + "]";
  };
  if (format == "n") return "null";
  const bool is_union = format.starts_with("+u");
  if (!is_union && format != "+r" && array.buffers[0] != nullptr && array.null_count != 0 &&
      !bit_at(array.buffers[0], p))
    return "null";
  if (schema.dictionary != nullptr)
    return "dict:" + element(*schema.dictionary, *array.dictionary,
                             whole_number(format, array.buffers[1], p));
  if (format == "b") return bit_at(array.buffers[1], p) ? "true" : "false";
  if (format == "z" || format == "u") {
    const auto begin = at<std::int32_t>(array.buffers[1], p);
    return "'" +
           hex(static_cast<const char*>(array.buffers[2]) + begin,
               at<std::int32_t>(array.buffers[1], p + 1) - begin) +
           "'";
  }
  if (format == "Z" || format == "U") {
    const auto begin = at<std::int64_t>(array.buffers[1], p);
    return "'" +
           hex(static_cast<const char*>(array.buffers[2]) + begin,
               at<std::int64_t>(array.buffers[1], p + 1) - begin) +
           "'";
  }
  if (format == "vz" || format == "vu") {
    const char* view = static_cast<const char*>(array.buffers[1]) + p * 16;
    const auto size = at<std::int32_t>(view, 0);
    if (size <= 12) return "'" + hex(view + 4, size) + "'";
    return "'" +
           hex(static_cast<const char*>(array.buffers[2 + at<std::int32_t>(view, 2)]) +
                   at<std::int32_t>(view, 3),
               size) +
           "'";
  }
  if (format == "+l" || format == "+m")
    return children(*schema.children[0], *array.children[0], at<std::int32_t>(array.buffers[1], p),
                    at<std::int32_t>(array.buffers[1], p + 1));
  if (format == "+L")
    return children(*schema.children[0], *array.children[0], at<std::int64_t>(array.buffers[1], p),
                    at<std::int64_t>(array.buffers[1], p + 1));
  if (format == "+vl") {
    const auto begin = at<std::int32_t>(array.buffers[1], p);
    return children(*schema.children[0], *array.children[0], begin,
                    begin + at<std::int32_t>(array.buffers[2], p));
  }
  if (format == "+vL") {
    const auto begin = at<std::int64_t>(array.buffers[1], p);
    return children(*schema.children[0], *array.children[0], begin,
                    begin + at<std::int64_t>(array.buffers[2], p));
  }
  if (format.starts_with("+w:")) {
    const std::int64_t size = std::stoll(format.substr(3));
    return children(*schema.children[0], *array.children[0], p * size, (p + 1) * size);
  }
  if (format == "+s") {
    std::string text = "{";
    for (std::int64_t i = 0; i < schema.n_children; ++i)
      text += std::string(schema.children[i]->name) + ":" +
              element(*schema.children[i], *array.children[i], p) + ",";
    return text + "}";
  }
  if (is_union) {
    const int id = at<std::int8_t>(array.buffers[0], p);
    std::int64_t child = 0;
    std::string ids = format.substr(4) + ",";
    for (std::size_t begin = 0; std::stoi(ids.substr(begin)) != id;
         begin = ids.find(',', begin) + 1)
      ++child;
    const std::int64_t where = format[2] == 'd' ? at<std::int32_t>(array.buffers[1], p) : p;
    return std::to_string(id) + "=" +
           element(*schema.children[child], *array.children[child], where);
  }
  if (format == "+r") {
    const ArrowArray& ends = *array.children[0];
    std::int64_t run = 0;
    while (whole_number(schema.children[0]->format, ends.buffers[1], ends.offset + run) <= p) ++run;
    return "run:" + element(*schema.children[1], *array.children[1], run);
  }
  const std::int64_t width = width_of(format);
  return hex(static_cast<const char*>(array.buffers[1]) + p * width, width);
}

inline std::string elements(const ArrowSchema& schema, const ArrowArray& array) {
  std::string text;
  for (std::int64_t i = 0; i < array.length; ++i) text += element(schema, array, i) + "\n";
  return text;
}

/// A schema as text: everything that it says.
inline std::string describe(const ArrowSchema& schema) {
  std::string text = std::string(schema.name == nullptr ? "" : schema.name) + "(" + schema.format +
                     " " + std::to_string(schema.flags);
  if (schema.metadata != nullptr) {
    std::int32_t count = 0;
    std::memcpy(&count, schema.metadata, 4);
    const char* p = schema.metadata + 4;
    for (int i = 0; i < 2 * count; ++i) {
      std::int32_t size = 0;
      std::memcpy(&size, p, 4);
      text += " " + std::string(p + 4, static_cast<std::size_t>(size));
      p += 4 + size;
    }
  }
  for (std::int64_t i = 0; i < schema.n_children; ++i) text += " " + describe(*schema.children[i]);
  if (schema.dictionary != nullptr) text += " dict " + describe(*schema.dictionary);
  return text + ")";
}

// ---- the maker

/// Makes random arrays of every layout.
///
/// Owner:   a test.
/// Threads: one.
/// Always:  arrays are valid; the same seed makes the same ones.
class RandomArrays {
 public:
  explicit RandomArrays(std::uint64_t seed) : random_(seed) {}
  std::int64_t below(std::int64_t limit) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(limit));
  }

  static const std::vector<std::string>& formats() {
    static const std::vector<std::string> all = {
        "n",   "b",       "c",        "C",         "s",          "S",
        "i",   "I",       "l",        "L",         "e",          "f",
        "g",   "z",       "Z",        "u",         "U",          "vz",
        "vu",  "d:10,2",  "d:5,1,32", "d:12,3,64", "d:40,2,256", "w:3",
        "w:0", "w:16",    "tdD",      "tdm",       "tts",        "ttm",
        "ttu", "ttn",     "tss:",     "tsm:UTC",   "tsu:",       "tsn:Europe/Berlin",
        "tDs", "tDn",     "tiM",      "tiD",       "tin",        "+l",
        "+L",  "+vl",     "+vL",      "+w:2",      "+w:0",       "+s",
        "+m",  "+us:0,1", "+ud:3,7",  "+r",        "dictionary"};
    return all;
  }

  std::shared_ptr<TestArray> any(std::int64_t length, int depth) {
    for (;;) {
      const std::string& format =
          formats()[static_cast<std::size_t>(below(static_cast<std::int64_t>(formats().size())))];
      if (depth > 0 || (format[0] != '+' && format != "dictionary"))
        return of(format, length, depth);
    }
  }

  /// A record batch: a struct without nulls.
  std::shared_ptr<TestArray> batch_like(const std::vector<std::string>& columns,
                                        std::int64_t length, int depth) {
    auto batch = std::make_shared<TestArray>();
    batch->format = "+s";
    batch->flags = 0;
    batch->length = length;
    batch->offset = below(3);
    batch->lacks_validity = true;
    batch->buffers.resize(1);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      batch->children.push_back(of(columns[i], batch->offset + length, depth));
      batch->children.back()->name = "column " + std::to_string(i);
    }
    return batch;
  }

  std::shared_ptr<TestArray> of(const std::string& format, std::int64_t length, int depth) {
    auto a = std::make_shared<TestArray>();
    a->name = "f" + std::to_string(below(100));
    a->format = format;
    a->length = length;
    a->offset = below(3) == 0 ? 0 : below(19);
    if (below(4) == 0) a->metadata = std::string("\1\0\0\0\3\0\0\0key\5\0\0\0value", 20);
    const std::int64_t end = a->offset + length;
    if (format == "n") {
      a->null_count = length;
      return a;
    }
    const bool is_union = format.starts_with("+u");
    if (!is_union && format != "+r") add_validity(*a, end);
    if (format == "dictionary") return add_dictionary(a, end, depth);
    if (format[0] == '+') return add_nested(a, end, depth);
    if (format == "b")
      a->buffers.push_back(noise((end + 7) / 8));
    else if (format == "z" || format == "u")
      add_binary<std::int32_t>(*a, end);
    else if (format == "Z" || format == "U")
      add_binary<std::int64_t>(*a, end);
    else if (format[0] == 'v')
      add_views(*a, end);
    else
      a->buffers.push_back(noise(end * detail::width_of(format)));
    return a;
  }

 private:
  std::vector<std::uint8_t> noise(std::int64_t size) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
  }
  std::string text() {
    static const std::string pieces[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "longer piece"};
    std::string text;
    for (std::int64_t i = below(4); i > 0; --i) text += pieces[below(4)];
    return text;
  }
  template <class T>
  static std::vector<std::uint8_t> bytes_of(const std::vector<T>& values) {
    std::vector<std::uint8_t> bytes(values.size() * sizeof(T));
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  void add_validity(TestArray& a, std::int64_t end) {
    a.lacks_validity = below(3) == 0;
    a.buffers.push_back(noise((end + 7) / 8));
    a.null_count = 0;
    if (a.lacks_validity) {
      a.buffers[0].clear();
      return;
    }
    for (std::int64_t i = a.offset; i < end; ++i)
      a.null_count += detail::bit_at(a.buffers[0].data(), i) ? 0 : 1;
    if (below(2) == 0) a.null_count = -1;
  }
  template <class T>
  void add_binary(TestArray& a, std::int64_t end) {
    std::vector<T> offsets{static_cast<T>(below(2) * 5)};
    std::vector<std::uint8_t> data(static_cast<std::size_t>(offsets[0]), 'x');
    for (std::int64_t i = 0; i < end; ++i) {
      const std::string piece = text();
      data.insert(data.end(), piece.begin(), piece.end());
      offsets.push_back(static_cast<T>(data.size()));
    }
    a.buffers.push_back(bytes_of(offsets));
    a.buffers.push_back(std::move(data));
  }
  void add_views(TestArray& a, std::int64_t end) {
    std::vector<std::vector<std::uint8_t>> data(static_cast<std::size_t>(1 + below(3)));
    std::vector<std::uint8_t> views(static_cast<std::size_t>(end) * 16);
    for (std::int64_t i = 0; i < end; ++i) {
      const std::string piece = text() + text();
      std::uint8_t* view = views.data() + i * 16;
      const auto size = static_cast<std::int32_t>(piece.size());
      std::memcpy(view, &size, 4);
      if (size <= 12) {
        std::memcpy(view + 4, piece.data(), piece.size());
        continue;
      }
      const auto buffer = static_cast<std::int32_t>(below(static_cast<std::int64_t>(data.size())));
      const auto offset = static_cast<std::int32_t>(data[buffer].size());
      data[buffer].insert(data[buffer].end(), piece.begin(), piece.end());
      std::memcpy(view + 4, piece.data(), 4);
      std::memcpy(view + 8, &buffer, 4);
      std::memcpy(view + 12, &offset, 4);
    }
    a.buffers.push_back(std::move(views));
    for (auto& bytes : data) a.buffers.push_back(std::move(bytes));
  }
  std::shared_ptr<TestArray> add_dictionary(std::shared_ptr<TestArray> a, std::int64_t end,
                                            int depth) {
    static const std::string kinds = "cCsSiIlL";
    a->format = kinds.substr(static_cast<std::size_t>(below(8)), 1);
    const std::int64_t size = 1 + below(10);
    a->dictionary = any(size, depth - 1);
    const std::int64_t width = detail::width_of(a->format);
    std::vector<std::uint8_t> indices(static_cast<std::size_t>(end * width));
    for (std::int64_t i = 0; i < end; ++i)
      indices[static_cast<std::size_t>(i * width)] = static_cast<std::uint8_t>(below(size));
    a->buffers.push_back(std::move(indices));
    return a;
  }
  template <class T>
  void add_list(TestArray& a, std::int64_t end, int depth) {
    std::vector<T> offsets{static_cast<T>(below(2) * 3)};
    for (std::int64_t i = 0; i < end; ++i)
      offsets.push_back(static_cast<T>(offsets.back() + below(4)));
    a.buffers.push_back(bytes_of(offsets));
    a.children.push_back(a.format == "+m" ? entries(offsets.back() + below(3))
                                          : any(offsets.back() + below(3), depth - 1));
  }
  template <class T>
  void add_list_view(TestArray& a, std::int64_t end, int depth) {
    const std::int64_t limit = 5 + below(20);
    std::vector<T> offsets;
    std::vector<T> sizes;
    for (std::int64_t i = 0; i < end; ++i) {
      offsets.push_back(static_cast<T>(below(limit)));
      sizes.push_back(static_cast<T>(below(std::min<std::int64_t>(4, limit - offsets.back() + 1))));
    }
    a.buffers.push_back(bytes_of(offsets));
    a.buffers.push_back(bytes_of(sizes));
    a.children.push_back(any(limit, depth - 1));
  }
  std::shared_ptr<TestArray> entries(std::int64_t length) {
    auto a = batch_like({"u", "i"}, length, 0);
    a->children[0]->name = "key";
    a->children[1]->name = "value";
    return a;
  }
  std::shared_ptr<TestArray> add_nested(std::shared_ptr<TestArray> a, std::int64_t end, int depth) {
    const std::string& format = a->format;
    if (format == "+l" || format == "+m")
      add_list<std::int32_t>(*a, end, depth);
    else if (format == "+L")
      add_list<std::int64_t>(*a, end, depth);
    else if (format == "+vl")
      add_list_view<std::int32_t>(*a, end, depth);
    else if (format == "+vL")
      add_list_view<std::int64_t>(*a, end, depth);
    else if (format.starts_with("+w:"))
      a->children.push_back(any(end * std::stoll(format.substr(3)) + below(3), depth - 1));
    else if (format == "+s")
      for (std::int64_t i = below(4); i > 0; --i)
        a->children.push_back(any(end + below(3), depth - 1));
    else if (format == "+r")
      add_runs(*a, end, depth);
    else
      add_union(*a, end, depth);
    return a;
  }
  void add_union(TestArray& a, std::int64_t end, int depth) {
    const bool is_dense = a.format.starts_with("+ud");
    std::vector<std::uint8_t> ids;
    std::vector<std::int32_t> offsets;
    for (std::int64_t i = 0; i < end; ++i) {
      ids.push_back(static_cast<std::uint8_t>(is_dense ? 3 + 4 * below(2) : below(2)));
      offsets.push_back(static_cast<std::int32_t>(below(6)));
    }
    a.buffers.push_back(std::move(ids));
    if (is_dense) a.buffers.push_back(bytes_of(offsets));
    for (int i = 0; i < 2; ++i) a.children.push_back(any(is_dense ? 6 : end + below(2), depth - 1));
  }
  void add_runs(TestArray& a, std::int64_t end, int depth) {
    std::vector<std::int32_t> ends;
    for (std::int64_t at = 0; at < end || ends.empty();)
      ends.push_back(static_cast<std::int32_t>(at += 1 + below(5)));
    auto run_ends = std::make_shared<TestArray>();
    run_ends->name = "run_ends";
    run_ends->format = "i";
    run_ends->flags = 0;
    run_ends->length = static_cast<std::int64_t>(ends.size());
    run_ends->lacks_validity = true;
    run_ends->buffers = {{}, bytes_of(ends)};
    a.children.push_back(run_ends);
    a.children.push_back(any(run_ends->length, depth - 1));
    a.children.back()->name = "values";
  }
  std::mt19937_64 random_;
};

}  // namespace vineyard::types::testing
