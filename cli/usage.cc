// `entrepot usage`: what is stored, and by whom.

#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/store_holder.h"

namespace entrepot::cli {
namespace {

using boost::json::object;

std::string RegistryText(const object& entry) {
  return fmt::format("{} {}: {} bytes in {} blobs, every one counted once\n", Text(entry, "account"),
                     Text(entry, "region"), Number(entry, "bytes"), Number(entry, "blobs"));
}

std::string RepositoryText(const object& entry) {
  return fmt::format("{} {} {}: {} bytes unique, {} shared, {} archived, {} images\n", Text(entry, "account"),
                     Text(entry, "region"), Text(entry, "repository"), Number(entry, "unique_bytes"),
                     Number(entry, "shared_bytes"), Number(entry, "archived_bytes"),
                     Number(entry, "manifests"));
}

std::string ImageText(const object& entry) {
  return fmt::format("  {}: {} bytes unique, {} shared, {} archived\n", Text(entry, "image"),
                     Number(entry, "unique_bytes"), Number(entry, "shared_bytes"),
                     Number(entry, "archived_bytes"));
}

// One line each, a page at a time: there may be very many.
class UsageReport {
 public:
  UsageReport(const StoreHolder& store, const Invocation& invocation, const Surroundings& surroundings)
      : store_(store), json_(invocation.json), out_(surroundings.out) {}

  Result<> Registries() {
    const object totals = TRY(store_.Ask("usage registries"));
    for (const boost::json::value& entry : totals.at("registries").as_array()) Print(entry, RegistryText);
    return {};
  }

  Result<> Repositories() {
    return ForEachRepository([&](const boost::json::value& entry) -> Result<> {
      Print(entry, RepositoryText);
      return {};
    });
  }

  /// Of every registry that has one of that name.
  Result<> Repository(std::string_view name) {
    bool found = false;
    TRY(ForEachRepository([&](const boost::json::value& entry) -> Result<> {
      if (Text(entry.as_object(), "repository") != name) return {};
      found = true;
      Print(entry, RepositoryText);
      return Images(entry.as_object());
    }));
    return found ? Result<>()
                 : Fail(ErrorCode::kConfiguration, fmt::format("there is no repository {}", name));
  }

 private:
  void Print(const boost::json::value& entry, std::string (*text)(const object&)) {
    out_ << (json_ ? boost::json::serialize(entry) + "\n" : text(entry.as_object()));
  }

  template <class Visit>
  Result<> ForEachRepository(Visit visit) {
    object arguments;
    for (bool more = true; more;) {
      const object page = TRY(store_.Ask("usage repositories", arguments));
      for (const boost::json::value& entry : page.at("repositories").as_array()) TRY(visit(entry));
      more = page.at("more").as_bool();
      if (more) arguments = {{"registry", page.at("registry")}, {"after", page.at("after")}};
    }
    return {};
  }

  Result<> Images(const object& repository) {
    object arguments{{"registry", repository.at("registry")}, {"repository", repository.at("id")}};
    for (bool more = true; more;) {
      const object page = TRY(store_.Ask("usage images", arguments));
      const boost::json::array& images = page.at("images").as_array();
      for (const boost::json::value& entry : images) Print(entry, ImageText);
      more = page.at("more").as_bool();
      if (more) arguments["after"] = images.back().at("image");
    }
    return {};
  }

  const StoreHolder& store_;
  const bool json_;
  std::ostream& out_;
};

}  // namespace

Result<int> Usage(const Invocation& invocation, const Surroundings& surroundings) {
  const StoreHolder store = TRY(StoreHolder::Find(invocation, surroundings));
  UsageReport report(store, invocation, surroundings);
  if (invocation.has("repository")) {
    TRY(report.Repository(invocation.value("repository")));
    return kSucceeded;
  }
  TRY(report.Registries());
  TRY(report.Repositories());
  return kSucceeded;
}

}  // namespace entrepot::cli
