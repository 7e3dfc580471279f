// snapshot.hpp - a read-only view of one database as of one commit.
//
// Ownership: it keeps its database and space alive, and what is taken from it keeps it alive. Threads:
// immutable, share it; each thread with its own handles and entries. Errors: NOT_FOUND names the
// nearest root, INVALID when it holds something else.
#ifndef PROTOBASE_CPP_SNAPSHOT_HPP
#define PROTOBASE_CPP_SNAPSHOT_HPP
#include <protobase/cpp/collection.hpp>

namespace protobase
{

// A named entry of a database.
struct root {
    std::string name;
    std::uint32_t kind = PBASE_ROOT_VALUE; // PBASE_ROOT_*
    std::uint64_t count = 0;               // entries of a collection; 1 of a value
    std::uint64_t total = 0;               // where it counts the sum, else `count` again
};

// Where a collection lies below a root: keys of dictionaries and indexes of lists, and inside a
// document names of fields and indexes. {"ann", "tags"}
using steps = std::vector<value>;

namespace detail
{
inline root root_of(const pbase_root_info &raw)
{
    return {std::string(text_of(raw.name)), raw.kind, raw.count, raw.total};
}
// `list` gets a pbase_root_each, its state and a pbase_error *.
template <class List> result<std::vector<root>> roots_of(List &&list)
{
    std::vector<root> out;
    auto add = [&](const pbase_root_info &one) { out.push_back(root_of(one)); };
    visitor<decltype(add)> visit(add);
    auto done = visit.end(checked([&](pbase_error *err) {
        return list(
            [](void *state, const pbase_root_info *one, pbase_error *cause) {
                return (*static_cast<visitor<decltype(add)> *>(state))(cause, *one);
            },
            &visit, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}
} // namespace detail

class snapshot
{
  public:
    snapshot(std::shared_ptr<detail::node> from, pbase_snapshot *raw) : raw_(std::move(from), raw)
    {
    }
    // Of the newest commit it sees: its sequence, and when it was.
    [[nodiscard]] std::uint64_t sequence() const
    {
        return raw() == nullptr ? 0 : pbase_snapshot_sequence(raw());
    }
    [[nodiscard]] timestamp time() const
    {
        return timestamp(
            std::chrono::nanoseconds(raw() == nullptr ? 0 : pbase_snapshot_time(raw())));
    }
    [[nodiscard]] result<protobase::dict> dict(detail::name name) const
    {
        return opened<protobase::dict>(name, pbase_snapshot_dict);
    }
    [[nodiscard]] result<protobase::list> list(detail::name name) const
    {
        return opened<protobase::list>(name, pbase_snapshot_list);
    }
    [[nodiscard]] result<protobase::set> set(detail::name name) const
    {
        return opened<protobase::set>(name, pbase_snapshot_set);
    }
    [[nodiscard]] result<protobase::hash_dict> hash_dict(detail::name name) const
    {
        return opened<protobase::hash_dict>(name, pbase_snapshot_hash_dict);
    }
    [[nodiscard]] result<protobase::multi_dict> multi_dict(detail::name name) const
    {
        return opened<protobase::multi_dict>(name, pbase_snapshot_multi_dict);
    }
    [[nodiscard]] result<protobase::counted_set> counted_set(detail::name name) const
    {
        return opened<protobase::counted_set>(name, pbase_snapshot_counted_set);
    }
    // A root that holds a plain value, and the n-th collection in it.
    [[nodiscard]] result<protobase::value> value(detail::name name) const
    {
        detail::decoded memory;
        if (raw() == nullptr) {
            return detail::gone();
        }
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_snapshot_value(raw(), name, arena, out, err);
        });
    }
    [[nodiscard]] result<collection> child(detail::name name, std::uint64_t n = 0) const
    {
        return detail::made<collection, pbase_collection>(
            raw_, [&](pbase_collection **out, pbase_error *err) {
                return pbase_snapshot_child(raw(), name, n, out, err);
            });
    }
    // The collection at the end of a path below a root; no step: the root's own.
    [[nodiscard]] result<collection> at(detail::name root, const steps &way = {}) const
    {
        detail::many raw_way(way);
        return detail::made<collection, pbase_collection>(
            raw_, [&](pbase_collection **out, pbase_error *err) {
                return pbase_snapshot_at(raw(), root, raw_way.data(), raw_way.size(), out, err);
            });
    }
    // Every root in byte order of names; one of them.
    [[nodiscard]] result<std::vector<protobase::root>> roots() const
    {
        if (raw() == nullptr) {
            return detail::gone();
        }
        return detail::roots_of([&](pbase_root_each each, void *state, pbase_error *err) {
            return pbase_snapshot_roots(raw(), each, state, err);
        });
    }
    [[nodiscard]] result<protobase::root> root(detail::name name) const
    {
        auto raw_root =
            detail::asked<pbase_root_info>(raw_, [&](pbase_root_info *out, pbase_error *err) {
                return pbase_snapshot_root(raw(), name, out, err);
            });
        if (!raw_root) {
            return raw_root.failure();
        }
        return detail::root_of(raw_root.value());
    }
    [[nodiscard]] pbase_snapshot *raw() const
    {
        return raw_.get();
    }
    // For calls of the layer: the parent of what comes from it.
    [[nodiscard]] auto shared() const
    {
        return raw_.shared();
    }

  private:
    template <class Object, class T = typename Object::raw_type>
    result<Object> opened(const char *name,
                          pbase_status (*open)(const pbase_snapshot *, const char *, T **,
                                               pbase_error *)) const
    {
        return detail::made<Object, T>(
            raw_, [&](T **out, pbase_error *err) { return open(raw(), name, out, err); });
    }
    detail::handle<pbase_snapshot, pbase_snapshot_close> raw_;
};

} // namespace protobase
#endif
