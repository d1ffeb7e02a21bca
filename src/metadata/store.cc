#include "metadata/store.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/ids.h"
#include "base/log.h"
#include "metadata/migrations.h"
#include "metadata/reader_pool.h"
#include "metadata/sql/postgres.h"
#include "metadata/sql/sqlite.h"
#include "metadata/store_clock.h"
#include "metadata/store_writer.h"

namespace entrepot::metadata {
namespace {

struct Facts {
  std::string store_id;
  std::uint32_t boot_epoch;
  StoreClock::State time;
};

/// Raises the boot epoch of the store, which it creates where there is none: its time begins as wall time.
Result<Facts> RaiseBootEpoch(sql::Connection& session, Timestamp now) {
  TRY(session.LockSchema());
  sql::Cursor row =
      TRY(session.Query("UPDATE store_facts SET boot_epoch = boot_epoch + 1 RETURNING store_id, boot_epoch, "
                        "store_time, suspect_until"));
  if (!TRY(row.Next())) {
    row = TRY(session.Query(
        "INSERT INTO store_facts (store_id, boot_epoch, store_time, suspect_until) VALUES ($1, 1, $2, 0) "
        "RETURNING store_id, boot_epoch, store_time, suspect_until",
        NewUuid(), now));
    TRY(row.Next());
  }
  if (row.Int(1) > std::numeric_limits<std::uint32_t>::max())
    return Fail(ErrorCode::kInternal, "the store was opened more often than its file names can count");
  return Facts{row.Text(0), static_cast<std::uint32_t>(row.Int(1)), {row.Time(2), row.Time(3)}};
}

class DatabaseStore final : public Store {
 public:
  DatabaseStore(const StoreOptions& options, std::unique_ptr<sql::Connection> writer,
                std::vector<std::unique_ptr<sql::Connection>> readers, Facts facts)
      : store_id_(std::move(facts.store_id)),
        boot_epoch_(facts.boot_epoch),
        store_clock_(*options.clock, facts.time),
        connection_(std::move(writer)),
        readers_(std::make_unique<ReaderPool>(std::move(readers), options.read_limit)),
        writer_(std::make_unique<StoreWriter>(
            StoreWriter::Parts{*connection_, *readers_, versions_, store_clock_, options.on_broken})) {}

  ~DatabaseStore() override {
    const bool sound = !writer_->broken();
    writer_.reset();
    readers_.reset();
    if (!sound) return;  // what is on the disk is for recovery to find
    if (const Result<> outcome = connection_->FoldLog(); !outcome)
      log::Warning("could not fold the store's log; the next start will",
                   {{"error", outcome.error().ToString()}});
  }

  VersionStripes& versions() override { return versions_; }
  const Clock& clock() const override { return store_clock_.clock(); }
  Timestamp StoreTime() const override { return store_clock_.Now(); }
  bool time_suspect() const override { return store_clock_.Suspect(); }
  void ConfirmTime() override { store_clock_.Confirm(); }
  std::uint32_t boot_epoch() const override { return boot_epoch_; }
  const std::string& store_id() const override { return store_id_; }
  std::size_t pending_writes() const override { return writer_->pending(); }
  bool broken() const override { return writer_->broken(); }

 protected:
  Result<> RunWrite(std::function<Result<>(WriteTransaction&)> closure, WritePriority priority) override {
    return writer_->Run(closure, priority);
  }
  Result<> RunRead(std::function<Result<>(sql::Session&)> closure) override { return readers_->Run(closure); }

 private:
  const std::string store_id_;
  const std::uint32_t boot_epoch_;
  StoreClock store_clock_;
  VersionStripes versions_;
  std::unique_ptr<sql::Connection> connection_;
  std::unique_ptr<ReaderPool> readers_;
  std::unique_ptr<StoreWriter> writer_;
};

constexpr std::string_view kSqlitePrefix = "sqlite:";
constexpr std::string_view kPostgresPrefix = "postgresql://";

Result<std::unique_ptr<sql::Connection>> Connect(const StoreOptions& options, sql::Role role) {
  if (options.url.starts_with(kSqlitePrefix)) {
    return sql::OpenSqlite({.path = options.url.substr(kSqlitePrefix.size()),
                            .role = role,
                            .read_limit = options.read_limit,
                            .vfs = options.sqlite_vfs});
  }
  if (options.url.starts_with(kPostgresPrefix))
    return sql::OpenPostgres({.url = options.url,
                              .role = role,
                              .sole = options.sole && role == sql::Role::kWriter,
                              .read_limit = options.read_limit});
  return Fail(ErrorCode::kConfiguration, "a store's URL begins with sqlite: or postgresql://");
}

}  // namespace

Result<std::unique_ptr<Store>> OpenStore(StoreOptions options) {
  auto writer = TRY(Connect(options, sql::Role::kWriter));
  TRY(Migrate(*writer, EmbeddedMigrations()));
  Facts facts =
      TRY(sql::RunInTransaction(*writer, [&] { return RaiseBootEpoch(*writer, options.clock->Now()); }));
  std::vector<std::unique_ptr<sql::Connection>> readers;
  for (int i = 0; i < std::max(options.readers, 1); ++i)
    readers.push_back(TRY(Connect(options, sql::Role::kReader)));
  return std::make_unique<DatabaseStore>(options, std::move(writer), std::move(readers), std::move(facts));
}

}  // namespace entrepot::metadata
