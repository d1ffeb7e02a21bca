#include "metadata/sql/libpq.h"

#include "base/check.h"

namespace entrepot::metadata::sql {
namespace {

const Result<Libpq>& Loaded() {
  static const Result<Libpq> loaded = [] -> Result<Libpq> {
    return Libpq(TRY(SharedLibrary::Load("libpq.so.5")));
  }();
  return loaded;
}

}  // namespace

Libpq::Libpq(const SharedLibrary& library)
    : PQclear(library["PQclear"]),
      PQcmdStatus(library["PQcmdStatus"]),
      PQcmdTuples(library["PQcmdTuples"]),
      PQconnectdbParams(library["PQconnectdbParams"]),
      PQerrorMessage(library["PQerrorMessage"]),
      PQexec(library["PQexec"]),
      PQexecPrepared(library["PQexecPrepared"]),
      PQfinish(library["PQfinish"]),
      PQftype(library["PQftype"]),
      PQgetisnull(library["PQgetisnull"]),
      PQgetlength(library["PQgetlength"]),
      PQgetvalue(library["PQgetvalue"]),
      PQnfields(library["PQnfields"]),
      PQntuples(library["PQntuples"]),
      PQprepare(library["PQprepare"]),
      PQresultErrorField(library["PQresultErrorField"]),
      PQresultErrorMessage(library["PQresultErrorMessage"]),
      PQresultStatus(library["PQresultStatus"]),
      PQsetNoticeReceiver(library["PQsetNoticeReceiver"]),
      PQstatus(library["PQstatus"]) {}

Result<> Libpq::Load() {
  if (!Loaded()) return Fail(Loaded().error());
  return {};
}

const Libpq& Libpq::Get() {
  CHECK(Loaded().has_value());
  return *Loaded();
}

}  // namespace entrepot::metadata::sql
