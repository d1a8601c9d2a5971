// SPDX-License-Identifier: Apache-2.0
// Arrow arrays of every layout go into the store and come out; a reader of the C structs that knows
// nothing of our code says what they hold.
#include <gtest/gtest.h>

#include <thread>

#include "vineyard/types/arrow/abi.h"
#include "vineyard/types/arrow/table.h"
#include "vineyard/types/fakes/c_arrays.h"
#include "vineyard/types/fakes/plain_store.h"

namespace vineyard {
namespace {

using types::testing::describe;
using types::testing::elements;
using types::testing::PlainStore;
using types::testing::RandomArrays;
using types::testing::TestArray;
using types::testing::to_c;

// C structs with the lifetime of a scope.
struct CPair {
  ArrowSchema schema{};
  ArrowArray array{};
  CPair() = default;
  explicit CPair(const std::shared_ptr<TestArray>& from) {
    to_c(from, &schema);
    to_c(from, &array);
  }
  CPair(const CPair&) = delete;
  CPair& operator=(const CPair&) = delete;
  ~CPair() {
    if (schema.release != nullptr) schema.release(&schema);
    if (array.release != nullptr) array.release(&array);
  }
};

Result<ObjectId> put_array(PlainStore& store, const std::shared_ptr<TestArray>& from,
                           std::int64_t slice_begin = 0, std::int64_t slice_end = 0) {
  CPair c(from);
  if (slice_begin + slice_end > 0) {
    c.array.offset += slice_begin;
    c.array.length -= slice_begin + slice_end;
    c.array.null_count = from->format == "n" ? c.array.length : from->lacks_validity ? 0 : -1;
  }
  const auto incoming = IncomingArray::from_array(&c.schema, &c.array);
  if (!incoming) return incoming.error();
  return store.put(*incoming);
}

void expect_same(const std::shared_ptr<TestArray>& from, const Array& found,
                 std::int64_t slice_begin = 0, std::int64_t slice_end = 0) {
  CPair expected(from);
  expected.array.offset += slice_begin;
  expected.array.length -= slice_begin + slice_end;
  CPair out;
  found.export_array(&out.schema, &out.array);
  EXPECT_EQ(describe(expected.schema), describe(out.schema));
  EXPECT_EQ(elements(expected.schema, expected.array), elements(out.schema, out.array));
}

TEST(Arrow, keeps_arrays_of_every_layout) {
  for (const std::string& format : RandomArrays::formats()) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      SCOPED_TRACE(::testing::Message() << format << " seed " << seed);
      RandomArrays random(seed);
      const auto from = random.of(format, seed == 1 ? 0 : random.below(40), 2);
      PlainStore store;
      const auto id = put_array(store, from);
      ASSERT_TRUE(id) << id.error().to_string();
      const auto found = store.get<Array>(*id);
      ASSERT_TRUE(found) << found.error().to_string();
      EXPECT_TRUE(found->check_content());
      expect_same(from, *found);
    }
  }
  EXPECT_EQ(TestArray::live_count, 0);
}

TEST(Arrow, keeps_slices_of_nested_arrays) {
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    RandomArrays random(seed);
    const auto from = random.any(10 + random.below(30), 3);
    const std::int64_t begin = random.below(from->length);
    const std::int64_t end = random.below(from->length - begin + 1);
    PlainStore store;
    const auto id = put_array(store, from, begin, end);
    ASSERT_TRUE(id) << id.error().to_string();
    const auto found = store.get<Array>(*id);
    ASSERT_TRUE(found) << found.error().to_string();
    const auto checked = found->check_content();
    EXPECT_TRUE(checked) << checked.error().to_string();
    expect_same(from, *found, begin, end);
    // What came out can go in again.
    const auto again = store.get<Array>(*store.put(*found));
    ASSERT_TRUE(again) << again.error().to_string();
    expect_same(from, *again, begin, end);
  }
  EXPECT_EQ(TestArray::live_count, 0);
}

TEST(Arrow, joins_arrays_of_texts_to_one) {
  const std::vector<std::string> formats{"u", "U", "z", "Z"};
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    RandomArrays random(seed);
    const std::string& format = formats[seed % formats.size()];
    std::string expected;
    std::vector<IncomingArray> parts;
    std::vector<const arrow::ArrayData*> joined;
    const std::int64_t count = 1 + random.below(5), most = seed % 50 == 0 ? 20'000 : 40;
    parts.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      CPair part(random.of(format, random.below(most), 0));
      expected += elements(part.schema, part.array);
      parts.push_back(*IncomingArray::from_array(&part.schema, &part.array));
      joined.push_back(&parts.back().data());
    }
    ObjectDraft draft("vineyard::LargeStringArray");
    arrow::describe_joined(draft, draft.root(), parts.front().field(), joined);
    PlainStore store;
    const auto id = store.add(draft);
    ASSERT_TRUE(id) << id.error().to_string();
    const auto found = store.get<Array>(*id);
    ASSERT_TRUE(found) << found.error().to_string();
    const auto checked = found->check_content();
    EXPECT_TRUE(checked) << checked.error().to_string();
    CPair out;
    found->export_array(&out.schema, &out.array);
    EXPECT_EQ(std::string_view(out.schema.format), format);
    EXPECT_EQ(elements(out.schema, out.array), expected);
  }
  EXPECT_EQ(TestArray::live_count, 0);
}

TEST(Arrow, joins_only_what_is_of_one_type_of_texts) {
  RandomArrays random(1);
  const auto fault_of = [&](const std::vector<std::string>& formats) {
    std::vector<IncomingArray> parts;
    std::vector<const arrow::ArrayData*> joined;
    parts.reserve(formats.size());
    for (const std::string& format : formats) {
      CPair part(random.of(format, 3, 0));
      parts.push_back(*IncomingArray::from_array(&part.schema, &part.array));
      joined.push_back(&parts.back().data());
    }
    ObjectDraft draft("vineyard::LargeStringArray");
    arrow::describe_joined(draft, draft.root(), parts.front().field(), joined);
    return draft.fault() ? draft.fault()->code() : ErrorCode::kNotFound;
  };
  EXPECT_EQ(fault_of({"u", "u"}), ErrorCode::kNotFound) << "no fault";
  EXPECT_EQ(fault_of({"u", "U"}), ErrorCode::kInvalid);
  EXPECT_EQ(fault_of({"l", "l"}), ErrorCode::kInvalid);
}

TEST(Arrow, stores_only_the_part_of_the_buffers_that_a_slice_needs) {
  RandomArrays random(1);
  const auto from = random.of("U", 10000, 0);
  PlainStore store;
  const ObjectId id = *put_array(store, from, 5000, 4990);
  EXPECT_LT(store.get(id)->nbytes(), 1500U);
}

TEST(Arrow, puts_an_array_into_one_document_and_one_payload_blob) {
  RandomArrays random(3);
  PlainStore store;
  ASSERT_TRUE(put_array(store, random.of("+s", 20, 3)));
  EXPECT_LE(store.objects().size(), 2U);
}

TEST(Arrow, writes_type_names_and_fields_as_existing_clients_do) {
  RandomArrays random(5);
  const auto from = random.of("l", 9, 0);
  from->lacks_validity = false;
  from->null_count = -1;
  from->buffers[0].assign(static_cast<std::size_t>((from->offset + 9 + 7) / 8), 0x55);
  PlainStore store;
  const auto object = *store.get(*put_array(store, from));
  const auto root = object.root();
  EXPECT_EQ(root.type_name(), "vineyard::NumericArray<int64>");
  EXPECT_EQ(root.field("length_")->as_int64(), 9);
  EXPECT_EQ(root.field("offset_")->as_int64(), from->offset % 8);
  EXPECT_GT(root.field("null_count_")->as_int64(), 0);
  EXPECT_TRUE(root.member("null_bitmap_")->as_buffer());
  EXPECT_TRUE(root.member("buffer_")->as_buffer());
  const auto type_name = [&](const char* format) {
    return std::string(store.get(*put_array(store, random.of(format, 3, 1)))->root().type_name());
  };
  EXPECT_EQ(type_name("u"), "vineyard::BaseBinaryArray<arrow::StringArray>");
  EXPECT_EQ(type_name("U"), "vineyard::BaseBinaryArray<arrow::LargeStringArray>");
  EXPECT_EQ(type_name("b"), "vineyard::BooleanArray");
  EXPECT_EQ(type_name("f"), "vineyard::NumericArray<float>");
  EXPECT_EQ(type_name("tsn:UTC"), "vineyard::NumericArray<timestamp[ns, tz=UTC]>");
  EXPECT_EQ(type_name("+L"), "vineyard::BaseListArray<arrow::LargeListArray>");
  EXPECT_EQ(type_name("+w:2"), "vineyard::FixedSizeListArray");
  EXPECT_EQ(type_name("w:3"), "vineyard::FixedSizeBinaryArray");
  EXPECT_EQ(type_name("n"), "vineyard::NullArray");
}

TEST(Arrow, reads_arrays_that_existing_clients_wrote) {
  PlainStore store;
  const std::vector<std::int64_t> offsets{0, 1, 3};
  const std::string data = "abc";
  const ObjectId offsets_blob = store.add_blob(std::as_bytes(std::span(offsets)));
  const ObjectId data_blob = store.add_blob(std::as_bytes(std::span(data)));
  ObjectDraft text("vineyard::LargeStringArray");
  text.document().set(text.root(), "length_", "2");  // numbers may be text
  text.document().set(text.root(), "null_count_", 0);
  text.document().set(text.root(), "offset_", 0);
  text.document().add_member(text.root(), "null_bitmap_", ObjectId::empty_blob());
  text.document().add_member(text.root(), "buffer_offsets_", offsets_blob);
  text.document().add_member(text.root(), "buffer_data_", data_blob);
  const ObjectId text_id = *store.add(text);
  const auto found = store.get<Array>(text_id);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(arrow::bytes_at(found->data(), 1), "bc");

  ObjectDraft list("vineyard::BaseListArray<arrow::LargeListArray>");
  list.document().set(list.root(), "length_", 1);
  const std::vector<std::int64_t> list_offsets{0, 2};
  list.document().add_member(list.root(), "buffer_offsets_",
                             store.add_blob(std::as_bytes(std::span(list_offsets))));
  list.document().add_member(list.root(), "values_", text_id);
  const auto nested = store.get<Array>(*store.add(list));
  ASSERT_TRUE(nested) << nested.error().to_string();
  EXPECT_EQ(nested->field().children[0].format, "U");
  EXPECT_EQ(nested->data().children[0].length, 2);
}

TEST(Arrow, releases_what_was_taken_over_also_when_it_is_refused) {
  RandomArrays random(2);
  {
    PlainStore store;
    CPair c(random.of("l", 5, 0));
    c.array.n_buffers = 1;
    EXPECT_EQ(IncomingArray::from_array(&c.schema, &c.array).error().code(), ErrorCode::kInvalid);
    EXPECT_EQ(c.array.release, nullptr);
    EXPECT_EQ(c.schema.release, nullptr);
    const auto twice = IncomingArray::from_array(&c.schema, &c.array);
    EXPECT_EQ(twice.error().code(), ErrorCode::kInvalid);
  }
  EXPECT_EQ(TestArray::live_count, 0);
}

TEST(Arrow, refuses_c_arrays_that_make_no_sense) {
  RandomArrays random(4);
  const auto refused = [&](const char* format, auto spoil) {
    CPair c(random.of(format, 5, 1));
    spoil(c);
    return !IncomingArray::from_array(&c.schema, &c.array).has_value();
  };
  EXPECT_FALSE(refused("l", [](CPair&) {}));
  EXPECT_TRUE(refused("l", [](CPair& c) { c.array.length = -1; }));
  EXPECT_TRUE(refused("l", [](CPair& c) { c.array.offset = -1; }));
  EXPECT_TRUE(refused("l", [](CPair& c) { c.array.length = INT64_MAX; }));
  EXPECT_TRUE(refused("w:1000", [](CPair& c) { c.array.length = INT64_MAX / 64; }));
  EXPECT_TRUE(refused("l", [](CPair& c) { c.array.buffers[1] = nullptr; }));
  EXPECT_TRUE(refused("l", [](CPair& c) { c.schema.format = "?"; }));
  EXPECT_TRUE(refused("+l", [](CPair& c) { c.array.n_children = 0; }));
  EXPECT_TRUE(refused("+s", [](CPair& c) { c.schema.format = "+l"; }));
  EXPECT_TRUE(refused("dictionary", [](CPair& c) { c.schema.format = "g"; }));
  EXPECT_TRUE(refused("u", [](CPair& c) { c.array.buffers[1] = nullptr; }));
}

// ---- tables

struct TestStream {
  std::vector<std::shared_ptr<TestArray>> batches;
  std::size_t next = 0;
  bool fails = false;

  void open(ArrowArrayStream* out) {
    *out = ArrowArrayStream{
        .get_schema =
            [](ArrowArrayStream* s, ArrowSchema* schema) {
              to_c(self(s).batches[0], schema);
              return 0;
            },
        .get_next =
            [](ArrowArrayStream* s, ArrowArray* array) {
              TestStream& t = self(s);
              *array = ArrowArray{};
              if (t.next == t.batches.size()) return t.fails ? 5 : 0;
              to_c(t.batches[t.next++], array);
              return 0;
            },
        .get_last_error = [](ArrowArrayStream*) -> const char* { return "the disk is gone"; },
        .release = [](ArrowArrayStream* s) { s->release = nullptr; },
        .private_data = this};
  }
  static TestStream& self(ArrowArrayStream* s) {
    return *static_cast<TestStream*>(s->private_data);
  }
};

// Batches of one type: made from the same columns, with the first one's names and metadata.
TestStream make_stream(RandomArrays& random, const std::vector<std::string>& columns, int batches) {
  TestStream stream;
  for (int i = 0; i < batches; ++i) {
    stream.batches.push_back(random.batch_like(columns, random.below(30), 0));
    for (std::size_t k = 0; k < columns.size(); ++k) {
      stream.batches[i]->children[k]->metadata = stream.batches[0]->children[k]->metadata;
    }
  }
  return stream;
}

const std::vector<std::string> kColumns = {"l", "U", "b", "tsn:UTC", "vu", "d:10,2", "n"};

TEST(ArrowTable, keeps_schema_and_chunks_in_one_object) {
  RandomArrays random(11);
  PlainStore store;
  TestStream from = make_stream(random, kColumns, 3);
  ArrowArrayStream stream{};
  from.open(&stream);
  auto incoming = IncomingTable::from_stream(&stream);
  ASSERT_TRUE(incoming) << incoming.error().to_string();
  EXPECT_EQ(stream.release, nullptr);
  const ObjectId id = *store.put(*incoming);
  incoming = Error(ErrorCode::kInvalid, "gone");  // what was taken over is released
  EXPECT_EQ(TestArray::live_count, 0);
  EXPECT_EQ(store.objects().size(), 2U);
  EXPECT_EQ(store.get(id)->type_name(), "vineyard::Table");

  const auto table = store.get<Table>(id);
  ASSERT_TRUE(table) << table.error().to_string();
  EXPECT_TRUE(table->check_content());
  EXPECT_EQ(table->column_count(), kColumns.size());
  EXPECT_EQ(table->column_index("column 3"), 3U);
  EXPECT_EQ(table->column_index("none"), std::nullopt);
  EXPECT_EQ(table->batches().size(), 3U);

  table->export_stream(&stream);
  CPair out;
  ASSERT_EQ(stream.get_schema(&stream, &out.schema), 0);
  std::int64_t rows = 0;
  for (const auto& batch : from.batches) {
    CPair expected(batch);
    EXPECT_EQ(describe(expected.schema), describe(out.schema));
    ArrowArray array{};
    ASSERT_EQ(stream.get_next(&stream, &array), 0);
    EXPECT_EQ(elements(expected.schema, expected.array), elements(out.schema, array));
    rows += array.length;
    array.release(&array);
  }
  ArrowArray end{};
  ASSERT_EQ(stream.get_next(&stream, &end), 0);
  EXPECT_EQ(end.release, nullptr);
  EXPECT_EQ(rows, table->row_count());
  stream.release(&stream);
}

TEST(ArrowTable, may_have_no_rows_no_batches_or_no_columns) {
  PlainStore store;
  RandomArrays random(12);
  for (const auto& columns : {kColumns, std::vector<std::string>()}) {
    auto batch = random.batch_like(columns, 0, 0);
    CPair c(batch);
    const auto incoming = IncomingTable::from_batch(&c.schema, &c.array);
    ASSERT_TRUE(incoming) << incoming.error().to_string();
    const auto table = store.get<Table>(*store.put(*incoming));
    ASSERT_TRUE(table) << table.error().to_string();
    EXPECT_EQ(table->form(), arrow::TableForm::kRecordBatch);
    EXPECT_EQ(table->row_count(), 0);
    EXPECT_EQ(table->batches().size(), 1U);
  }
  TestStream from = make_stream(random, kColumns, 1);
  from.next = 1;
  ArrowArrayStream stream{};
  from.open(&stream);
  const auto incoming = IncomingTable::from_stream(&stream);
  const auto table = store.get<Table>(*store.put(*incoming));
  ASSERT_TRUE(table) << table.error().to_string();
  EXPECT_EQ(table->batches().size(), 0U);
  EXPECT_EQ(table->column_count(), kColumns.size());
}

TEST(ArrowTable, stores_a_dictionary_that_batches_share_once) {
  RandomArrays random(13);
  PlainStore store;
  TestStream from;
  const auto dictionary = random.of("U", 1000, 0);
  for (int i = 0; i < 3; ++i) {
    from.batches.push_back(random.batch_like({"i"}, 4, 0));
    auto& column = *from.batches[i]->children[0];
    column.dictionary = dictionary;
    column.metadata.clear();
    std::ranges::fill(column.buffers[1], std::uint8_t{0});
  }
  ArrowArrayStream stream{};
  from.open(&stream);
  const auto incoming = IncomingTable::from_stream(&stream);
  ASSERT_TRUE(incoming) << incoming.error().to_string();
  const auto object = *store.get(*store.put(*incoming));
  EXPECT_LT(object.nbytes(), 2 * dictionary->buffers[2].size() + 3 * 8 * 1001);
}

TEST(ArrowTable, passes_on_what_a_failing_producer_says) {
  RandomArrays random(14);
  TestStream from = make_stream(random, kColumns, 1);
  from.fails = true;
  ArrowArrayStream stream{};
  from.open(&stream);
  const auto incoming = IncomingTable::from_stream(&stream);
  ASSERT_FALSE(incoming);
  EXPECT_NE(incoming.error().message().find("the disk is gone"), std::string::npos);
  EXPECT_EQ(stream.release, nullptr);
  EXPECT_EQ(TestArray::live_count, 0);
}

TEST(ArrowTable, gives_numbers_and_texts_to_programs_without_arrow) {
  RandomArrays random(15);
  PlainStore store;
  CPair c(random.batch_like({"g", "U"}, 5, 0));
  const auto table = store.get<Table>(*store.put(*IncomingTable::from_batch(&c.schema, &c.array)));
  ASSERT_TRUE(table);
  const auto& batch = table->batches()[0];
  EXPECT_EQ(arrow::numbers<double>(table->schema().children[0], batch.children[0])->size(), 5U);
  EXPECT_FALSE(arrow::numbers<float>(table->schema().children[0], batch.children[0]));
  EXPECT_TRUE(arrow::bytes_at(batch.children[1], 4));
  EXPECT_FALSE(arrow::bytes_at(batch.children[0], 0));
}

TEST(ArrowTable, keeps_its_pins_until_the_last_exported_child_is_released_on_any_thread) {
  RandomArrays random(16);
  PlainStore store;
  CPair c(random.batch_like({"l", "U"}, 5, 0));
  const auto incoming = IncomingTable::from_batch(&c.schema, &c.array);
  const ObjectId id = *store.put(*incoming);
  const auto source = *store.source(id);
  std::weak_ptr<const PinnedObjects> pins = source.pins();
  ArrowArray moved{};
  {
    const ObjectSource last = std::move(const_cast<ObjectSource&>(source));
    ArrowArray batch{};
    Codec<Table>::resolve(last)->export_batch(0, &batch);
    moved = *batch.children[1];
    batch.children[1]->release = nullptr;  // as the specification says
    batch.release(&batch);
  }
  EXPECT_FALSE(pins.expired());
  std::thread([&moved] { moved.release(&moved); }).join();
  EXPECT_TRUE(pins.expired());
}

// ---- hostile objects

TEST(ArrowTable, never_leads_outside_its_buffers_once_checked_whatever_was_written) {
  int accepted = 0;
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    RandomArrays random(seed);
    std::vector<std::string> columns;
    for (int i = 0; i < 3; ++i)
      columns.push_back(RandomArrays::formats()[static_cast<std::size_t>(
          random.below(static_cast<std::int64_t>(RandomArrays::formats().size())))]);
    CPair c(random.batch_like(columns, 1 + random.below(20), 2));
    PlainStore store;
    const auto incoming = IncomingTable::from_batch(&c.schema, &c.array);
    ASSERT_TRUE(incoming) << incoming.error().to_string();
    const auto id = store.put(*incoming);
    ASSERT_TRUE(id) << id.error().to_string();
    for (int round = 0; round < 60; ++round) {
      // One object of the two is spoilt, then put right again.
      const bool spoil_document = random.below(2) == 0;
      auto bytes = spoil_document || store.objects().size() == 1
                       ? store.bytes(*id)
                       : store.objects().rbegin()->second.bytes();
      for (const auto& [object, memory] : store.objects())
        if (object.is_blob() && !spoil_document) bytes = memory.bytes();
      if (bytes.empty()) continue;
      const std::vector<std::byte> before(bytes.begin(), bytes.end());
      for (std::int64_t i = 1 + random.below(3); i > 0; --i) {
        const auto at =
            static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size())));
        bytes[at] = random.below(2) == 0 ? static_cast<std::byte>(random.below(256))
                                         : bytes[at] ^ static_cast<std::byte>(1 << random.below(8));
      }
      if (const auto table = store.get<Table>(*id); table && table->check_content()) {
        ++accepted;
        CPair out;
        table->export_schema(&out.schema);
        table->export_batch(0, &out.array);
        if (out.array.length < 1000) (void)elements(out.schema, out.array);
      } else {
        ++refused;
      }
      std::ranges::copy(before, bytes.begin());
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace vineyard
