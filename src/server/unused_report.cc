#include "server/unused_report.h"

#include <boost/json/array.hpp>

#include "metadata/unused.h"
#include "server/admin_arguments.h"

namespace entrepot::server {
namespace {

using boost::json::object;

constexpr int kRepositories = 100, kImages = 200;  // a page; an answer is a line of at most 1 MiB

boost::json::value TimeOrNull(const std::optional<Timestamp>& time) {
  return time ? boost::json::value(ToIso8601(*time)) : boost::json::value(nullptr);
}

Result<Timestamp> Since(const Storage& storage, const object& arguments) {
  const std::int64_t days = TRY(Number(arguments, "days"));
  if (days < 0 || days > 36'500) return Fail(ErrorCode::kMalformedRequest, "days is no number of days");
  return storage.store.clock().Now() - std::chrono::hours(24 * days);
}

object ActivityObject(const metadata::RepositoryActivity& activity, Timestamp since) {
  const metadata::NamedUsage& usage = activity.usage;
  return {{"registry", usage.ref.registry},
          {"id", usage.ref.repository},
          {"account", usage.registry.account.str()},
          {"region", usage.registry.region.str()},
          {"repository", usage.name},
          {"last_push", TimeOrNull(activity.last_push)},
          {"last_pull", TimeOrNull(activity.last_pull)},
          {"images", usage.usage.manifests},
          {"freed_bytes", usage.usage.unique_bytes + usage.usage.manifest_bytes},
          {"unused", activity.last() < since}};
}

Result<object> Repositories(Storage& storage, const object& arguments) {
  const Timestamp since = TRY(Since(storage, arguments));
  const metadata::RepositoryRef after{TRY(Number(arguments, "registry")), TRY(Number(arguments, "after"))};
  const auto page = TRY(storage.store.Read([&](metadata::sql::Session& session) {
    return metadata::ListActivity(session, after, kRepositories);
  }));
  boost::json::array repositories;
  for (const metadata::RepositoryActivity& activity : page)
    repositories.push_back(ActivityObject(activity, since));
  object answer{{"repositories", std::move(repositories)}, {"more", page.size() == kRepositories}};
  if (!page.empty()) {
    answer["registry"] = page.back().usage.ref.registry;
    answer["after"] = page.back().usage.ref.repository;
  }
  return answer;
}

object ImageObject(const metadata::UnusedImage& image) {
  boost::json::array tags;
  for (const std::string& tag : image.tags) tags.emplace_back(tag);
  return {{"digest", image.digest.ToString()},
          {"tags", std::move(tags)},
          {"last_push", ToIso8601(image.pushed_at)},
          {"last_pull", TimeOrNull(image.last_pulled_at)},
          {"freed_bytes", image.freed}};
}

Result<std::optional<metadata::ImageCursor>> CursorIn(const object& arguments) {
  const boost::json::value* digest = arguments.if_contains("digest");
  if (digest == nullptr) return std::nullopt;
  if (!digest->is_string()) return Fail(ErrorCode::kMalformedRequest, "digest is no text");
  return metadata::ImageCursor{
      {TRY(Number(arguments, "pushed"))}, TRY(Digest::Parse(digest->get_string())), ""};
}

Result<object> Images(Storage& storage, const object& arguments) {
  const Timestamp since = TRY(Since(storage, arguments));
  const metadata::RepositoryRef ref{TRY(Number(arguments, "registry")), TRY(Number(arguments, "repository"))};
  const auto after = TRY(CursorIn(arguments));
  const auto page = TRY(storage.store.Read([&](metadata::sql::Session& session) {
    return metadata::ListUnusedImages(session, ref, since, after, kImages);
  }));
  boost::json::array images;
  for (const metadata::UnusedImage& image : page) images.push_back(ImageObject(image));
  object answer{{"images", std::move(images)}, {"more", page.size() == kImages}};
  if (!page.empty()) {
    answer["pushed"] = page.back().pushed_at.micros;
    answer["digest"] = page.back().digest.ToString();
  }
  return answer;
}

}  // namespace

AdminCommands ReportCommands(Storage& storage, std::function<Result<>()> flush) {
  AdminCommands commands;
  commands["report repositories"] = [&storage, flush](const object& arguments) -> Result<object> {
    TRY(flush());
    return Repositories(storage, arguments);
  };
  commands["report images"] = [&storage](const object& arguments) { return Images(storage, arguments); };
  return commands;
}

}  // namespace entrepot::server
