// SPDX-License-Identifier: Apache-2.0
#include "vineyard/meta/document.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "vineyard/meta/fakes/random_document.h"
#include "vineyard/meta/validate.h"

namespace vineyard::meta {
namespace {

using testing::RandomTrees;
using testing::Tree;

TEST(Document, shows_what_was_built_for_any_tree) {
  DocumentBuilder builder;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const Tree tree = RandomTrees(seed).make();
    testing::put_tree(builder, tree);
    const auto bytes = builder.finish();
    ASSERT_TRUE(bytes) << bytes.error().to_string();
    const auto view = validate(*bytes);
    ASSERT_TRUE(view) << view.error().to_string();
    ASSERT_TRUE(testing::same_tree(tree, *view));
    testing::read_all(*view);
  }
}

TEST(Document, stays_the_same_when_it_is_copied_into_another_builder) {
  DocumentBuilder builder;
  DocumentBuilder other;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const Tree tree = RandomTrees(seed).make();
    testing::put_tree(builder, tree);
    copy_into(other, *validate(*builder.finish()));
    const auto bytes = other.finish();
    ASSERT_TRUE(bytes) << bytes.error().to_string();
    ASSERT_TRUE(testing::same_tree(tree, *validate(*bytes)));
  }
}

TEST(Document, can_be_changed_after_it_was_copied) {
  DocumentBuilder builder("a");
  builder.add_buffer(builder.root(), "buffer_", builder.add_payload(ObjectId(9)), 0, 8);
  builder.set(builder.root(), "x", 1);
  DocumentBuilder copy;
  copy_into(copy, *validate(*builder.finish()));
  copy.remove(copy.root(), "x");
  copy.set(copy.root(), "x", "changed");
  copy.set_type_name(copy.root(), "b");
  const auto bytes = copy.finish();
  const DocumentView view = *validate(*bytes);
  EXPECT_EQ(view.root().type_name(), "b");
  EXPECT_EQ(view.root().field("x")->as_text(), "changed");
  EXPECT_EQ(view.reference(view.root().member("buffer_")->as_buffer()->reference), ObjectId(9));
}

}  // namespace
}  // namespace vineyard::meta
