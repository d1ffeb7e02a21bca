#pragma once

// One connection to the database. Every statement of the tree is written once, in PostgreSQL's dialect as far
// as SQLite understands it (parameters as $1, types BIGINT, TEXT, BYTEA, ON CONFLICT, RETURNING), and runs on
// both drivers; sql/contract_test.cc holds them to that.
//
// What both understand, beyond the obvious: an untyped parameter needs a CAST where nothing beside it has a
// type
// ($1 IS NULL, SELECT $1), a sum of BIGINTs needs CAST(… AS BIGINT), a text holds no NUL byte, and texts
// compare byte by byte.
//
// A Session belongs to one thread at a time. Statements are prepared once a session and kept.

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/names.h"
#include "base/result.h"

namespace entrepot::metadata::sql {

/// A parameter. Text and bytes are views: they live until the call returns.
class Value {
 public:
  Value(std::nullptr_t)
      : value_(std::monostate{}) {}  // NOLINT(google-explicit-constructor): values read as literals
  template <std::integral T>
  Value(T number) : value_(static_cast<std::int64_t>(number)) {}      // NOLINT
  Value(Timestamp time) : value_(time.micros) {}                      // NOLINT
  Value(std::string_view text) : value_(text) {}                      // NOLINT
  Value(const std::string& text) : value_(std::string_view(text)) {}  // NOLINT
  Value(const char* text) : value_(std::string_view(text)) {}         // NOLINT
  template <class Tag>
  Value(const Name<Tag>& name) : value_(std::string_view(name)) {}                     // NOLINT
  Value(Bytes bytes) : value_(bytes) {}                                                // NOLINT
  Value(const ByteVector& bytes) : value_(Bytes(bytes)) {}                             // NOLINT
  Value(const Digest& digest) : stored_(digest.ToStored()), value_(Bytes(stored_)) {}  // NOLINT
  template <class T>
  Value(const std::optional<T>& maybe) : Value(nullptr) {  // NOLINT
    if (maybe) *this = Value(*maybe);
  }
  Value(const Value& other) : stored_(other.stored_), value_(other.value_) { Rebind(); }
  Value& operator=(const Value& other) {
    stored_ = other.stored_;
    value_ = other.value_;
    Rebind();
    return *this;
  }

  using Variant = std::variant<std::monostate, std::int64_t, std::string_view, Bytes>;
  const Variant& variant() const { return value_; }

 private:
  void Rebind() {
    if (!stored_.empty()) value_ = Bytes(stored_);
  }
  ByteVector stored_;  // a digest's stored form
  Variant value_;
};

/// The rows of a query, read one by one. Column getters are valid until the next Next; a column of another
/// type than asked for is a broken invariant of ours, and NULL needs the Optional getter.
class Cursor {
 public:
  class Rows {
   public:
    virtual ~Rows() = default;
    virtual Result<bool> Next() = 0;
    virtual bool IsNull(int column) const = 0;
    virtual std::int64_t Int(int column) const = 0;
    virtual std::string_view Text(int column) const = 0;
    virtual Bytes Blob(int column) const = 0;
  };
  explicit Cursor(std::unique_ptr<Rows> rows) : rows_(std::move(rows)) {}

  Result<bool> Next() { return rows_->Next(); }
  bool IsNull(int column) const { return rows_->IsNull(column); }
  std::int64_t Int(int column) const { return rows_->Int(column); }
  bool Bool(int column) const { return Int(column) != 0; }
  Timestamp Time(int column) const { return {Int(column)}; }
  std::string Text(int column) const { return std::string(rows_->Text(column)); }
  std::string_view TextView(int column) const { return rows_->Text(column); }
  ByteVector Blob(int column) const { return ToVector(rows_->Blob(column)); }
  Bytes BlobView(int column) const { return rows_->Blob(column); }
  Result<Digest> StoredDigest(int column) const { return Digest::FromStored(rows_->Blob(column)); }
  std::optional<std::int64_t> OptionalInt(int column) const;
  std::optional<Timestamp> OptionalTime(int column) const;
  std::optional<std::string> OptionalText(int column) const;
  std::optional<ByteVector> OptionalBlob(int column) const;

 private:
  std::unique_ptr<Rows> rows_;
};

class Session {
 public:
  virtual ~Session() = default;

  /// Runs a statement; returns how many rows it changed. `sql` must be a literal: it is the key of the
  /// statement kept.
  template <class... Values>
  Result<std::int64_t> Run(std::string_view sql, const Values&... values) {
    const Value list[] = {Value(values)..., Value(nullptr)};
    return RunList(sql, std::span(list, sizeof...(values)));
  }
  /// Starts a query (RETURNING counts as one). At most one cursor of a statement is open at a time.
  template <class... Values>
  Result<Cursor> Query(std::string_view sql, const Values&... values) {
    const Value list[] = {Value(values)..., Value(nullptr)};
    return QueryList(sql, std::span(list, sizeof...(values)));
  }
  /// As Run and Query, with the values in a list.
  virtual Result<std::int64_t> RunList(std::string_view sql, std::span<const Value> values) = 0;
  virtual Result<Cursor> QueryList(std::string_view sql, std::span<const Value> values) = 0;

  /// Runs a script of statements without parameters: migrations.
  virtual Result<> RunScript(const std::string& script) = 0;

  /// True on PostgreSQL, where check-then-update must lock rows (FOR UPDATE, FOR KEY SHARE) and SQLite, with
  /// one writer, must not be asked to.
  virtual bool locks_rows() const = 0;
};

/// What went wrong, for the store: never shown to a client.
///   kUnavailable  busy or a serialisation failure: the transaction may be run again
///   kStorageFull  no space, and the statement was rolled back
///   kStorageFault I/O error, damaged file, lost server
///   kInternal     anything else, with the database's message
///
/// A UNIQUE or primary-key violation is an answer, not a fault: ON CONFLICT says what to do.

}  // namespace entrepot::metadata::sql
