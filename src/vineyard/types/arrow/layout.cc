// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/arrow/layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace vineyard::arrow {
namespace {

struct Primitive {
  std::string_view format;
  std::uint32_t width;
  std::string_view name;
};
// Formats that stand for one type, of fixed width.
constexpr std::array<Primitive, 27> kPrimitives = {{
    {"c", 1, "int8"},
    {"C", 1, "uint8"},
    {"s", 2, "int16"},
    {"S", 2, "uint16"},
    {"i", 4, "int32"},
    {"I", 4, "uint32"},
    {"l", 8, "int64"},
    {"L", 8, "uint64"},
    {"e", 2, "halffloat"},
    {"f", 4, "float"},
    {"g", 8, "double"},
    {"tdD", 4, "date32[day]"},
    {"tdm", 8, "date64[ms]"},
    {"tts", 4, "time32[s]"},
    {"ttm", 4, "time32[ms]"},
    {"ttu", 8, "time64[us]"},
    {"ttn", 8, "time64[ns]"},
    {"tDs", 8, "duration[s]"},
    {"tDm", 8, "duration[ms]"},
    {"tDu", 8, "duration[us]"},
    {"tDn", 8, "duration[ns]"},
    {"tiM", 4, "month_interval"},
    {"tiD", 8, "day_time_interval"},
    {"tin", 16, "month_day_nano_interval"},
    // Names that only existing clients write.
    {"f", 4, "float32"},
    {"g", 8, "float64"},
    {"i", 4, "int"},
}};

// Time stamps: unit, then a colon and a time zone.
std::string_view timestamp_unit(std::string_view format) {
  if (format.size() < 4 || !format.starts_with("ts") || format[3] != ':') return {};
  switch (format[2]) {
    case 's': return "s";
    case 'm': return "ms";
    case 'u': return "us";
    case 'n': return "ns";
    default: return {};
  }
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// `d:precision,scale` or `d:precision,scale,bits`.
std::optional<std::uint32_t> decimal_width(std::string_view parameters) {
  const std::size_t first = parameters.find(',');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = parameters.find(',', first + 1);
  const auto precision = number<std::uint32_t>(parameters.substr(0, first));
  const auto scale = number<std::int32_t>(parameters.substr(first + 1, second - first - 1));
  if (!precision || !scale || *precision == 0) return std::nullopt;
  if (second == std::string_view::npos) return 16;
  const auto bits = number<std::uint32_t>(parameters.substr(second + 1));
  if (!bits || (*bits != 32 && *bits != 64 && *bits != 128 && *bits != 256)) return std::nullopt;
  return *bits / 8;
}

// `0,1,5`: the id of each child. Ids are unique and not negative.
bool parse_type_ids(std::string_view text, std::vector<std::int8_t>& ids) {
  if (text.empty()) return true;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto id = number<std::int8_t>(text.substr(0, comma));
    if (!id || *id < 0 || std::ranges::find(ids, *id) != ids.end()) return false;
    ids.push_back(*id);
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::optional<Layout> parse_nested(std::string_view format) {
  using enum LayoutKind;
  if (format == "+s") return Layout{.kind = kStruct};
  if (format == "+l") return Layout{.kind = kList, .width = 4};
  if (format == "+L") return Layout{.kind = kList, .width = 8};
  if (format == "+vl") return Layout{.kind = kListView, .width = 4};
  if (format == "+vL") return Layout{.kind = kListView, .width = 8};
  if (format == "+m") return Layout{.kind = kList, .width = 4, .is_map = true};
  if (format == "+r") return Layout{.kind = kRunEndEncoded};
  if (format.starts_with("+w:")) {
    const auto size = number<std::int32_t>(format.substr(3));
    if (!size || *size < 0) return std::nullopt;
    return Layout{.kind = kFixedSizeList, .list_size = *size};
  }
  const bool is_dense = format.starts_with("+ud:");
  if (is_dense || format.starts_with("+us:")) {
    Layout layout{.kind = is_dense ? kDenseUnion : kSparseUnion, .width = is_dense ? 4U : 0U};
    if (!parse_type_ids(format.substr(4), layout.type_ids)) return std::nullopt;
    return layout;
  }
  return std::nullopt;
}

std::optional<Layout> parse(std::string_view format) {
  using enum LayoutKind;
  const auto primitive = std::ranges::find(kPrimitives, format, &Primitive::format);
  if (primitive != kPrimitives.end()) return Layout{.kind = kFixedWidth, .width = primitive->width};
  if (format == "n") return Layout{.kind = kNull};
  if (format == "b") return Layout{.kind = kBool};
  if (format == "z" || format == "u")
    return Layout{.kind = kBinary, .width = 4, .is_text = format == "u"};
  if (format == "Z" || format == "U")
    return Layout{.kind = kBinary, .width = 8, .is_text = format == "U"};
  if (format == "vz" || format == "vu")
    return Layout{.kind = kBinaryView, .width = 16, .is_text = format == "vu"};
  if (!timestamp_unit(format).empty()) return Layout{.kind = kFixedWidth, .width = 8};
  if (format.starts_with("d:")) {
    const auto width = decimal_width(format.substr(2));
    if (width) return Layout{.kind = kFixedWidth, .width = *width};
  }
  if (format.starts_with("w:")) {
    const auto width = number<std::int32_t>(format.substr(2));
    if (width && *width >= 0)
      return Layout{.kind = kFixedWidth, .width = static_cast<std::uint32_t>(*width)};
  }
  return format.starts_with('+') ? parse_nested(format) : std::nullopt;
}

}  // namespace

std::uint32_t Layout::buffer_count() const {
  switch (kind) {
    case LayoutKind::kNull:
    case LayoutKind::kRunEndEncoded: return 0;
    case LayoutKind::kFixedSizeList:
    case LayoutKind::kStruct:
    case LayoutKind::kSparseUnion: return 1;
    case LayoutKind::kBool:
    case LayoutKind::kFixedWidth:
    case LayoutKind::kBinaryView:
    case LayoutKind::kList:
    case LayoutKind::kDenseUnion: return 2;
    case LayoutKind::kBinary:
    case LayoutKind::kListView: return 3;
  }
  return 0;
}

bool Layout::has_validity() const {
  return kind != LayoutKind::kNull && kind != LayoutKind::kRunEndEncoded &&
         kind != LayoutKind::kSparseUnion && kind != LayoutKind::kDenseUnion;
}

int Layout::child_count() const {
  switch (kind) {
    case LayoutKind::kList:
    case LayoutKind::kListView:
    case LayoutKind::kFixedSizeList: return 1;
    case LayoutKind::kRunEndEncoded: return 2;
    case LayoutKind::kSparseUnion:
    case LayoutKind::kDenseUnion: return static_cast<int>(type_ids.size());
    case LayoutKind::kStruct: return -1;
    case LayoutKind::kNull:
    case LayoutKind::kBool:
    case LayoutKind::kFixedWidth:
    case LayoutKind::kBinary:
    case LayoutKind::kBinaryView: return 0;
  }
  return 0;
}

Result<Layout> parse_format(std::string_view format) {
  if (auto layout = parse(format)) return *std::move(layout);
  return Error(ErrorCode::kUnsupported,
               "'" + std::string(format) + "' is no Arrow format that this build knows");
}

std::string primitive_name(std::string_view format) {
  const auto primitive = std::ranges::find(kPrimitives, format, &Primitive::format);
  if (primitive != kPrimitives.end()) return std::string(primitive->name);
  const std::string_view unit = timestamp_unit(format);
  if (unit.empty()) return std::string(format);
  std::string name = "timestamp[" + std::string(unit);
  if (format.size() > 4) name += ", tz=" + std::string(format.substr(4));
  return name + "]";
}

std::string type_name_of(std::string_view format, const Layout& layout) {
  const auto wide = [&layout](const char* small, const char* large) {
    return std::string("vineyard::") + (layout.width == 8 ? large : small);
  };
  switch (layout.kind) {
    case LayoutKind::kNull: return "vineyard::NullArray";
    case LayoutKind::kBool: return "vineyard::BooleanArray";
    case LayoutKind::kFixedWidth:
      if (format.starts_with("w:")) return "vineyard::FixedSizeBinaryArray";
      if (format.starts_with("d:")) return "vineyard::DecimalArray";
      return "vineyard::NumericArray<" + primitive_name(format) + ">";
    case LayoutKind::kBinary:
      if (layout.is_text)
        return wide("BaseBinaryArray<arrow::StringArray>",
                    "BaseBinaryArray<arrow::LargeStringArray>");
      return wide("BaseBinaryArray<arrow::BinaryArray>",
                  "BaseBinaryArray<arrow::LargeBinaryArray>");
    case LayoutKind::kBinaryView:
      return layout.is_text ? "vineyard::StringViewArray" : "vineyard::BinaryViewArray";
    case LayoutKind::kList:
      if (layout.is_map) return "vineyard::MapArray";
      return wide("BaseListArray<arrow::ListArray>", "BaseListArray<arrow::LargeListArray>");
    case LayoutKind::kListView: return wide("ListViewArray", "LargeListViewArray");
    case LayoutKind::kFixedSizeList: return "vineyard::FixedSizeListArray";
    case LayoutKind::kStruct: return "vineyard::StructArray";
    case LayoutKind::kSparseUnion: return "vineyard::SparseUnionArray";
    case LayoutKind::kDenseUnion: return "vineyard::DenseUnionArray";
    case LayoutKind::kRunEndEncoded: return "vineyard::RunEndEncodedArray";
  }
  return "vineyard::Array";
}

std::string format_of_type_name(std::string_view type_name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kNames = {{
      {"vineyard::NullArray", "n"},
      {"vineyard::BooleanArray", "b"},
      {"vineyard::BaseBinaryArray<arrow::StringArray>", "u"},
      {"vineyard::BaseBinaryArray<arrow::LargeStringArray>", "U"},
      {"vineyard::BaseBinaryArray<arrow::BinaryArray>", "z"},
      {"vineyard::BaseBinaryArray<arrow::LargeBinaryArray>", "Z"},
      {"vineyard::StringArray", "u"},
      {"vineyard::LargeStringArray", "U"},
      {"vineyard::BinaryArray", "z"},
      {"vineyard::LargeBinaryArray", "Z"},
      {"vineyard::BaseListArray<arrow::ListArray>", "+l"},
      {"vineyard::BaseListArray<arrow::LargeListArray>", "+L"},
      {"vineyard::ListArray", "+l"},
      {"vineyard::LargeListArray", "+L"},
      {"vineyard::MapArray", "+m"},
  }};
  const auto known =
      std::ranges::find(kNames, type_name, [](const auto& pair) { return pair.first; });
  if (known != kNames.end()) return std::string(known->second);
  constexpr std::string_view kNumeric = "vineyard::NumericArray<";
  if (!type_name.starts_with(kNumeric) || !type_name.ends_with('>')) return {};
  std::string_view name = type_name.substr(kNumeric.size());
  name.remove_suffix(1);
  if (name == "uint") name = "uint32";
  const auto primitive = std::ranges::find(kPrimitives, name, &Primitive::name);
  return primitive == kPrimitives.end() ? std::string() : std::string(primitive->format);
}

}  // namespace vineyard::arrow
