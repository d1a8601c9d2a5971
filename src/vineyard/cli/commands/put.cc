// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "vineyard/base/try.h"
#include "vineyard/cli/commands/commands.h"
#include "vineyard/cli/output/file.h"
#include "vineyard/cli/output/table.h"
#include "vineyard/client/host.h"
#include "vineyard/meta/json.h"

namespace vineyard::cli {
namespace {

constexpr std::uint64_t kStep = (8_MiB).value;        // read at once
constexpr std::uint64_t kLongCopy = (256_MiB).value;  // from here on a terminal sees progress
constexpr std::uint64_t kFirstRoom = (1_MiB).value;   // for input of unknown size

/// How far a long copy has come, on one line of a terminal; for short ones and without a terminal
/// nothing.
///
/// Owner:   the copy; the line is gone with it.
/// Threads: one.
/// Always:  the line changes only when what it says changes.
class Progress {
 public:
  Progress(std::string what, std::uint64_t total)
      : what_(std::move(what)),
        total_(total),
        shown_(total >= kLongCopy && is_terminal(StandardStream::kError)) {}
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r\x1b[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::uint64_t bytes) {
    if (!shown_ || bytes * 100 / total_ == percent_) return;
    percent_ = bytes * 100 / total_;
    std::fprintf(stderr, "\r%s: %llu %% of %s", what_.c_str(),
                 static_cast<unsigned long long>(percent_), to_string(ByteCount(total_)).c_str());
  }

 private:
  std::string what_;
  std::uint64_t total_;
  bool shown_;
  std::uint64_t percent_ = 101;
};

// A file whose size is known goes straight into its place in shared memory.
Result<Payload> read_known(const Client& client, Input& input, std::uint64_t size) {
  VY_TRY(Payload payload, client.reserve(ByteCount(size)));
  Progress progress(printable(input.name()), size);
  std::uint64_t got = 0;
  while (got < size) {
    const std::uint64_t step = std::min(kStep, size - got);
    VY_TRY(const std::size_t came, input.read(payload.bytes().subspan(got, step)));
    got += came;
    progress.at(got);
    if (came < step) break;
  }
  payload.truncate(got);  // it became shorter, or was read from its middle (a shell's redirection)
  return payload;
}

// Of a pipe nobody knows the size: room that is doubled when it is full.
Result<Payload> read_unknown(const Client& client, Input& input) {
  VY_TRY(Payload payload, client.reserve(ByteCount(kFirstRoom)));
  std::size_t got = 0;
  for (;;) {
    VY_TRY(const std::size_t came, input.read(payload.bytes().subspan(got)));
    got += came;
    if (got < payload.size()) break;
    VY_TRY(Payload larger, client.reserve(ByteCount(payload.size() * 2)));
    std::memcpy(larger.data(), payload.data(), got);
    payload = std::move(larger);
  }
  payload.truncate(got);
  return payload;
}

Result<ObjectId> put_input(const Client& client, Input& input, std::uint64_t& nbytes) {
  const auto size = input.size();
  VY_TRY(Payload payload, size ? read_known(client, input, *size) : read_unknown(client, input));
  nbytes = payload.size();
  if (nbytes == 0) return client.put_blob({});
  return client.publish_blob(std::move(payload));
}

}  // namespace

Result<ExitStatus> put(const Common& common, const PutOptions& options) {
  VY_TRY(Input input, Input::open(options.file));
  VY_TRY(const Client client, connect(common));
  std::uint64_t nbytes = 0;
  VY_TRY(const ObjectId id, put_input(client, input, nbytes));
  VY_TRY(client.sync());  // this program ends: the daemon shall have taken it over by then
  if (!options.name.empty()) VY_TRY(client.put_name(options.name, id));
  if (common.form == Form::kText) {
    VY_TRY(print(id.to_string() + "\n"));
    return ExitStatus::kDone;
  }
  meta::JsonWriter w;
  w.begin_object().field("id", id.to_string()).field("nbytes", nbytes);
  if (!options.name.empty()) w.field("name", options.name);
  w.end_object();
  VY_TRY(print(w.take() + "\n"));
  return ExitStatus::kDone;
}

}  // namespace vineyard::cli
