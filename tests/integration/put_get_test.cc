// SPDX-License-Identifier: Apache-2.0
// The client and a real daemon: put, get, names, deletion, waiting.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "client_helpers.h"
#include "daemon.h"
#include "vineyard/client.h"

namespace vineyard {
namespace {

using testing::bytes;
using testing::noise;
using testing::ok;
using testing::text;

struct PutGet : ::testing::Test {
  testing::Daemon daemon;
  Client connect() { return ok(Client::connect({.socket = daemon.socket()})); }
  Client client = connect();
};

TEST_F(PutGet, gives_back_what_was_put) {
  const ObjectId id = ok(client.put_blob(bytes("Hello, World!")));
  EXPECT_TRUE(id.is_blob());
  const View view = ok(client.get_view(id));
  EXPECT_EQ(text(view.bytes()), "Hello, World!");
  EXPECT_EQ(view.id(), id);
}
TEST_F(PutGet, gives_it_back_before_and_after_the_harvest) {
  const ObjectId id = ok(client.put_blob(bytes("fresh")));
  EXPECT_EQ(text(ok(client.get_view(id)).bytes()), "fresh");
  ok(client.sync());
  EXPECT_EQ(text(ok(client.get_view(id)).bytes()), "fresh");
}
TEST_F(PutGet, says_when_an_object_was_made_and_nothing_of_an_id_to_come) {
  const ObjectId id = ok(client.put_blob(bytes("dated")));
  EXPECT_GT(ok(client.created_at(id)).time_since_epoch().count(), 0);
  EXPECT_EQ(ok(client.created_at(id)), ok(client.created_at(id)));
  EXPECT_EQ(ok(client.remove(std::vector{id})).deleted, 1u);
  const ObjectId next = ObjectId::make(id.block(), id.index(), {id.generation().value + 1});
  for (const ObjectId gone : {id, next})
    EXPECT_EQ(client.created_at(gone).error().code(), ErrorCode::kNotFound);
}
TEST_F(PutGet, sizes_from_nothing_to_larger_than_an_arena) {
  for (const std::size_t size :
       {0u, 1u, 63u, 64u, 65u, 4095u, 4096u, 4097u, 1u << 20, (1u << 20) + 1, 40u << 20}) {
    const auto data = noise(size, static_cast<std::uint32_t>(size));
    const ObjectId id = ok(client.put_blob(data));
    const View view = ok(client.get_view(id));
    ASSERT_EQ(view.size(), size);
    EXPECT_TRUE(std::ranges::equal(view.bytes(), data)) << size;
    EXPECT_EQ(ok(client.remove(std::vector{id})).deleted, size == 0 ? 0u : 1u);
  }
}
TEST_F(PutGet, writes_in_place_and_publishes_only_what_was_kept) {
  Payload payload = ok(client.reserve(1000_B));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(payload.data()) % 64, 0u);
  std::memcpy(payload.data(), "abcdef", 6);
  payload.truncate(6);
  const ObjectId id = ok(client.publish_blob(std::move(payload)));
  EXPECT_EQ(text(ok(client.get_view(id)).bytes()), "abcdef");
  EXPECT_EQ(client.publish_blob(Payload()).error().code(), ErrorCode::kInvalid);
}
TEST_F(PutGet, a_payload_that_is_dropped_leaves_nothing) {
  for (int i = 0; i < 1000; ++i) (void)ok(client.reserve(1_MiB));
  EXPECT_EQ(ok(client.check_json()).findings, 0u);
}

ObjectId put_pair(const Client& client, std::string_view left, std::string_view right,
                  std::span<const ObjectId> members = {}) {
  meta::DocumentBuilder builder("test::Pair");
  std::vector<Payload> payloads;
  for (const std::string_view part : {left, right}) {
    payloads.push_back(ok(client.reserve(ByteCount(part.size()))));
    std::memcpy(payloads.back().data(), part.data(), part.size());
  }
  const auto a = builder.add_payload();
  const auto b = builder.add_payload();
  builder.add_buffer(builder.root(), "left", a, 0, left.size());
  builder.add_buffer(builder.root(), "right", b, 0, right.size());
  builder.set(builder.root(), "length", left.size() + right.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    builder.add_member(builder.root(), "member" + std::to_string(i), members[i]);
  }
  return ok(client.publish(builder, payloads));
}

TEST_F(PutGet, an_object_has_its_document_and_its_buffers) {
  const ObjectId id = put_pair(client, "left side", "right");
  for (int round = 0; round < 2; ++round) {
    const Object object = ok(client.get(id));
    EXPECT_EQ(object.type_name(), "test::Pair");
    EXPECT_EQ(object.root().field("length")->as_uint64(), 14u);
    EXPECT_EQ(text(ok(object.buffer("left")).bytes()), "left side");
    EXPECT_EQ(text(ok(object.buffer("right")).bytes()), "right");
    EXPECT_EQ(object.buffer("middle").error().code(), ErrorCode::kNotFound);
    EXPECT_EQ(object.view().is_copy(), round == 0) << "fresh documents are copied out";
    ok(client.sync());
  }
}
TEST_F(PutGet, objects_refer_to_others_and_refuse_members_that_are_not_there) {
  const ObjectId child = put_pair(client, "a", "b");
  const ObjectId parent = put_pair(client, "c", "d", std::vector{child});
  EXPECT_EQ(text(ok(ok(ok(client.get(parent)).member("member0")).buffer("left")).bytes()), "a");
  const auto report = ok(client.remove(std::vector{child}));
  EXPECT_EQ(report.kept, std::vector{child});
  EXPECT_EQ(report.holders, std::vector{parent});
  meta::DocumentBuilder builder("test::Parent");
  const ObjectId nobody(child.value + 1);
  builder.add_member(builder.root(), "child", nobody);
  const auto refused = client.publish(builder);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(refused.error().message().find(nobody.to_string()), std::string::npos)
      << refused.error().message();
}
TEST_F(PutGet, a_large_document_goes_by_message) {
  meta::DocumentBuilder builder("test::Large");
  const std::string long_text(300'000, 'x');
  builder.set(builder.root(), "text", long_text);
  std::vector<Payload> payloads;
  payloads.push_back(ok(client.reserve(5_B)));
  std::memcpy(payloads[0].data(), "inner", 5);
  builder.add_buffer(builder.root(), "data", builder.add_payload(), 0, 5);
  const ObjectId id = ok(client.publish(builder, payloads));
  const Object object = ok(client.get(id));
  EXPECT_EQ(object.root().field("text")->as_text(), long_text);
  EXPECT_EQ(text(ok(object.buffer("data")).bytes()), "inner");
}
TEST_F(PutGet, many_small_objects_by_several_threads) {
  constexpr int kThreads = 3;
  constexpr int kEach = 5000;
  std::vector<std::vector<ObjectId>> ids(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        ids[t].push_back(ok(client.put_blob(bytes(std::to_string(t) + ":" + std::to_string(i)))));
        if (i % 7 == 0) {
          const int back = i / 2;
          ASSERT_EQ(text(ok(client.get_view(ids[t][back])).bytes()),
                    std::to_string(t) + ":" + std::to_string(back));
        }
      }
    });
  }
  for (auto& t : threads) t.join();
  const Client other = connect();
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kEach; i += 13) {
      ASSERT_EQ(text(ok(other.get_view(ids[t][i])).bytes()),
                std::to_string(t) + ":" + std::to_string(i));
    }
  }
  EXPECT_EQ(ok(client.check_json()).findings, 0u);
}
TEST_F(PutGet, an_id_can_be_known_before_the_bytes) {
  BlobBuilder builder = ok(client.create_blob(4_B));
  const ObjectId id = ok(builder.id());
  EXPECT_EQ(client.get_view(id).error().code(), ErrorCode::kNotFound);
  std::memcpy(builder.data(), "late", 4);
  EXPECT_EQ(ok(builder.seal()), id);
  EXPECT_EQ(text(ok(client.get_view(id)).bytes()), "late");
  meta::DocumentBuilder document("test::Detached");
  const ObjectId object = ok(client.reserve_id(IdKind::kObject));
  EXPECT_EQ(ok(client.publish_as(object, document)), object);
  EXPECT_EQ(ok(client.get(object)).type_name(), "test::Detached");
}
TEST_F(PutGet, waits_for_what_is_published_later) {
  const ObjectId id = ok(client.reserve_id(IdKind::kBlob));
  std::thread writer([&] {
    Payload payload = ok(client.reserve(3_B));
    std::memcpy(payload.data(), "now", 3);
    ok(client.publish_as(id, std::move(payload)));
  });
  EXPECT_EQ(text(ok(client.get_view(id, {.wait_ms = 20'000})).bytes()), "now");
  writer.join();
}
TEST_F(PutGet, a_wait_ends_and_keeps_nobody_else_waiting) {
  const ObjectId id = ok(client.reserve_id(IdKind::kBlob));
  std::thread waiting([&] {
    EXPECT_EQ(client.get_view(id, {.wait_ms = 1500}).error().code(), ErrorCode::kNotFound);
  });
  for (int i = 0; i < 20; ++i) ok(client.status_json());
  waiting.join();
}

TEST_F(PutGet, names_resolve_and_go) {
  const ObjectId id = ok(client.put_blob(bytes("named")));
  ok(client.put_name("thing", id));
  EXPECT_EQ(ok(client.get_name("thing")), id);
  EXPECT_EQ(ok(client.get_name("thing", {.freshness = Freshness::kLinearizable})), id);
  EXPECT_EQ(text(ok(client.get("thing")).view().bytes()), "named");
  EXPECT_EQ(text(ok(client.get(id.to_string())).view().bytes()), "named");
  EXPECT_EQ(client.put_name("thing", id, NameMode::kIfFree).error().code(), ErrorCode::kExists);
  const auto names = ok(client.list_names({.pattern = "th*"}));
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].name, "thing");
  EXPECT_TRUE(ok(client.drop_name("thing")));
  EXPECT_FALSE(ok(client.drop_name("thing")));
  EXPECT_EQ(client.get_name("thing").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(client.get("thing").error().code(), ErrorCode::kNotFound);
}
TEST_F(PutGet, many_names) {
  std::vector<ObjectId> ids;
  for (int i = 0; i < 500; ++i) {
    ids.push_back(ok(client.put_blob(bytes(std::to_string(i)))));
    ok(client.put_name("name-" + std::to_string(i), ids.back()));
  }
  for (int i = 0; i < 500; ++i) EXPECT_EQ(ok(client.get_name("name-" + std::to_string(i))), ids[i]);
  EXPECT_EQ(ok(client.list_names()).size(), 500u);
  EXPECT_EQ(ok(client.list_names({.limit = 7})).size(), 7u);
}
TEST_F(PutGet, lists_by_type_and_clears) {
  put_pair(client, "a", "b");
  put_pair(client, "c", "d");
  EXPECT_EQ(ok(client.list({.pattern = "test::*"})).size(), 2u);
  EXPECT_EQ(ok(client.list({.pattern = "other"})).size(), 0u);
  EXPECT_GT(ok(client.clear()), 0u);
  EXPECT_EQ(ok(client.list({.pattern = "test::*"})).size(), 0u);
}
TEST_F(PutGet, says_what_exists) {
  const ObjectId id = ok(client.put_blob(bytes("x")));
  EXPECT_TRUE(ok(client.exists(id)));
  EXPECT_TRUE(ok(client.exists(ObjectId::empty_blob())));
  ok(client.remove(std::vector{id}));
  EXPECT_FALSE(ok(client.exists(id)));
  EXPECT_EQ(client.get_view(id).error().code(), ErrorCode::kNotFound);
}
TEST_F(PutGet, finds_the_blob_at_an_address) {
  const ObjectId id = ok(client.put_blob(noise(5000, 1)));
  const ObjectId other = ok(client.put_blob(noise(5000, 2)));
  const View view = ok(client.get_view(id));
  const View other_view = ok(client.get_view(other));
  EXPECT_EQ(ok(client.find_blob(view.bytes().data())), id);
  EXPECT_EQ(ok(client.find_blob(other_view.bytes().data())), other);
  EXPECT_EQ(ok(client.find_blob(view.bytes().data() + 1)), std::nullopt) << "not its beginning";
  EXPECT_EQ(ok(client.find_blob(view.bytes().data() + 64)), std::nullopt);
  EXPECT_EQ(ok(client.find_blob(&view)), std::nullopt) << "memory of this process";
  ok(client.remove(std::vector{id}));
  EXPECT_EQ(ok(client.find_blob(view.bytes().data())), std::nullopt) << "deleted";
}
TEST_F(PutGet, gets_many_in_their_order) {
  std::vector<ObjectId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(ok(client.put_blob(bytes(std::to_string(i)))));
  std::reverse(ids.begin(), ids.end());
  const auto objects = ok(client.get_many(ids));
  ASSERT_EQ(objects.size(), 100u);
  EXPECT_EQ(text(objects[0].view().bytes()), "99");
  ids.push_back(ObjectId(12345));
  EXPECT_EQ(client.get_many(ids).error().code(), ErrorCode::kNotFound);
}
TEST_F(PutGet, a_writable_copy_stays_private) {
  const auto data = noise(100'000, 7);
  const ObjectId id = ok(client.put_blob(data));
  WritableCopy copy = ok(client.get_writable(id));
  ASSERT_EQ(copy.size(), data.size());
  EXPECT_TRUE(std::ranges::equal(copy.bytes(), data));
  std::memset(copy.data(), 1, copy.size());
  EXPECT_TRUE(std::ranges::equal(ok(client.get_view(id)).bytes(), data));
  const ObjectId pair = put_pair(client, std::string(10'000, 'l'), std::string(20'000, 'r'));
  const Object object = ok(client.get(pair));
  WritableCopy right = ok(object.writable(*object.root().member("right")->as_buffer()));
  EXPECT_EQ(text(right.bytes()), std::string(20'000, 'r'));
}

TEST_F(PutGet, a_view_stays_as_it_is_whatever_happens_to_the_object) {
  const auto data = noise(50'000, 3);
  const ObjectId id = ok(client.put_blob(data));
  const View view = ok(client.get_view(id));
  EXPECT_EQ(ok(client.remove(std::vector{id})).deleted, 1u);
  EXPECT_EQ(client.get_view(id).error().code(), ErrorCode::kNotFound) << "out of sight at once";
  // Whatever is written from now on goes elsewhere.
  for (int i = 0; i < 2000; ++i) {
    const ObjectId other = ok(client.put_blob(noise(50'000, static_cast<std::uint32_t>(i) + 10)));
    ok(client.remove(std::vector{other}));
  }
  EXPECT_TRUE(std::ranges::equal(view.bytes(), data));
}
TEST_F(PutGet, memory_of_deleted_objects_is_used_again) {
  const auto data = noise(10u << 20, 1);
  for (int i = 0; i < 200; ++i) {  // 200 times 10 MiB through a pool of 256 MiB
    const ObjectId id = ok(client.put_blob(data));
    ASSERT_EQ(ok(client.remove(std::vector{id})).deleted, 1u);
  }
  for (int i = 0; i < 20; ++i) {
    const ObjectId id = ok(client.put_blob(std::vector<std::byte>(100u << 20)));
    ASSERT_EQ(ok(client.remove(std::vector{id})).deleted, 1u);
  }
}
TEST_F(PutGet, a_full_pool_is_an_error_that_says_who_holds_what_and_passes) {
  std::vector<ObjectId> ids;
  Result<ObjectId> last = ObjectId();
  const std::vector<std::byte> data(8u << 20);
  while ((last = client.put_blob(data))) ids.push_back(*last);
  EXPECT_EQ(last.error().code(), ErrorCode::kFull);
  EXPECT_NE(last.error().message().find("put_get"), std::string::npos) << last.error().message();
  EXPECT_GT(ids.size(), 16u);
  for (const ObjectId id : ids) EXPECT_EQ(ok(client.get_view(id)).size(), data.size());
  ok(client.remove(ids));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.put_blob(data));
}
TEST_F(PutGet, survivors_of_a_churn_move_and_make_room_for_what_is_larger) {
  // The pool is filled with small objects, and one in sixteen stays: every arena keeps some.
  std::vector<ObjectId> gone, kept;
  Result<ObjectId> last = ObjectId();
  std::vector<std::byte> data(48u << 10);
  for (std::uint32_t n = 0; last; ++n) {
    std::memcpy(data.data(), &n, sizeof n);
    last = client.put_blob(data);
    if (last) (n % 16 == 0 ? kept : gone).push_back(*last);
  }
  ASSERT_EQ(last.error().code(), ErrorCode::kFull) << last.error().message();
  const View viewed = ok(client.get_view(kept[1]));
  ok(client.remove(gone));
  const std::size_t most = (256u << 20) / 10 * 7;  // the rest: survivors, and arenas of the daemon
  std::vector<std::byte> large(10u << 20);
  for (std::size_t bytes = 0; bytes < most; bytes += large.size()) {
    const auto id = client.put_blob(large);
    ASSERT_TRUE(id) << bytes << ": " << id.error().message();
  }
  for (std::uint32_t n = 0; n < kept.size(); ++n) {
    std::uint32_t found = 0;
    std::memcpy(&found, ok(client.get_view(kept[n])).data(), sizeof found);
    ASSERT_EQ(found, n * 16);
  }
  std::uint32_t found = 0;
  std::memcpy(&found, viewed.data(), sizeof found);
  EXPECT_EQ(found, 16u);
  EXPECT_EQ(ok(client.check_json()).findings, 0u);
}
TEST_F(PutGet, what_every_second_deletion_frees_is_used_whatever_the_sizes) {
  const auto fill = [&](std::size_t size, std::vector<ObjectId>& ids) {
    std::vector<std::byte> data(size);
    for (std::uint32_t n = static_cast<std::uint32_t>(ids.size());; ++n) {
      std::memcpy(data.data() + size - sizeof n, &n, sizeof n);
      const auto id = client.put_blob(data);
      if (!id) {
        EXPECT_EQ(id.error().code(), ErrorCode::kFull) << id.error().message();
        return;
      }
      ids.push_back(*id);
    }
  };
  // What is too large to move is in nobody's way.
  Payload cut = ok(client.reserve(ByteCount(100u << 20)));
  cut.truncate(66u << 20);
  ok(client.publish_blob(std::move(cut)));
  std::vector<ObjectId> ids, gone, later;
  fill(20'000, ids);
  for (std::size_t n = 0; n < ids.size(); n += 2) gone.push_back(ids[n]);
  for (std::size_t n = 0; n < gone.size(); n += 4000)
    ok(client.remove(std::span(gone).subspan(n, std::min<std::size_t>(4000, gone.size() - n))));
  fill(300'000, later);
  const std::size_t used = (ids.size() - gone.size()) * 20'000 + later.size() * 300'000;
  EXPECT_GT(used, (156u << 20) / 100 * 90);
  const auto number = [&](ObjectId id) {
    std::uint32_t n = 0;
    const View view = ok(client.get_view(id));
    std::memcpy(&n, view.data() + view.size() - sizeof n, sizeof n);
    return n;
  };
  for (std::size_t n = 1; n < ids.size(); n += 2) ASSERT_EQ(number(ids[n]), n);
  for (std::size_t n = 0; n < later.size(); ++n) ASSERT_EQ(number(later[n]), n);
  EXPECT_EQ(ok(client.check_json()).findings, 0u);
}
TEST_F(PutGet, views_outlive_every_client) {
  View view;
  Object object;
  {
    const Client mine = std::move(client);
    view = ok(mine.get_view(ok(mine.put_blob(bytes("still here")))));
    object = ok(mine.get(put_pair(mine, "left", "right")));
  }
  EXPECT_EQ(text(view.bytes()), "still here");
  EXPECT_EQ(text(ok(object.buffer("left")).bytes()), "left") << "pinned only now";
  client = connect();
}
TEST_F(PutGet, handles_on_one_socket_share_one_client) {
  const Client other = connect();
  EXPECT_EQ(other.connection().serial, client.connection().serial);
  EXPECT_EQ(other.connection().socket, daemon.socket());
}
TEST_F(PutGet, a_client_without_views_goes_with_its_last_handle) {
  const std::uint64_t before = client.connection().serial;
  {
    const Client gone = std::move(client);
  }
  client = connect();
  EXPECT_NE(client.connection().serial, before);
}

TEST(Connect, says_what_is_missing) {
  const auto none = Client::connect({.socket = "/tmp/no-such-vineyard.sock"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(none.error().message().find("/tmp/no-such-vineyard.sock"), std::string::npos);
  EXPECT_NE(none.error().message().find("vineyardd"), std::string::npos) << none.error().message();
}

}  // namespace
}  // namespace vineyard
