// watch.hpp - a feed of changes: every committed change, in the order of the commits.
//
//     auto feed = protobase::watch::open(database, {"stocks", done + 1}).value();
//     for (const protobase::change &one : feed.changes()) {         // those that are there
//         if (one.kind() == PBASE_CHANGE_PUT) take(one.key().value(), one.value().value());
//         if (one.is_last()) done = one.sequence();                 // resume behind it
//     }
//
// Ownership: a watch keeps its database or space alive; a change is lent until the next step. Threads:
// confined. Errors: TRIMMED when it fell too far behind; a wait that ends (TIMEOUT, CANCELLED) ends a
// loop without being a failure, and the next loop goes on where it stopped.
#ifndef PROTOBASE_CPP_WATCH_HPP
#define PROTOBASE_CPP_WATCH_HPP
#include <protobase/cpp/space.hpp>

namespace protobase
{

// What happened to what; lent by its watch until the next step.
class change
{
  public:
    change() = default;
    change(pbase_watch *from, const pbase_change *raw) : from_(from), raw_(raw)
    {
    }
    // PBASE_CHANGE_*, and "created", "put", ...
    [[nodiscard]] std::uint32_t kind() const
    {
        return raw_->change;
    }
    [[nodiscard]] std::string_view kind_name() const
    {
        return pbase_change_name(raw_->change);
    }
    // Of the commit.
    [[nodiscard]] std::uint64_t sequence() const
    {
        return raw_->sequence;
    }
    [[nodiscard]] timestamp time() const
    {
        return timestamp(std::chrono::nanoseconds(raw_->time_ns));
    }
    // Where: PBASE_IN_*, names, and of which kind of collection (PBASE_COLLECTION_*; 0: none).
    [[nodiscard]] std::uint32_t place() const
    {
        return raw_->place;
    }
    [[nodiscard]] std::string_view database() const
    {
        return text(raw_->database);
    }
    [[nodiscard]] std::string_view root() const
    {
        return text(raw_->root);
    }
    [[nodiscard]] std::string_view origin() const
    {
        return text(raw_->origin);
    }
    [[nodiscard]] std::uint32_t collection_kind() const
    {
        return raw_->kind;
    }
    // Of lists, and of what counts.
    [[nodiscard]] std::uint64_t index() const
    {
        return raw_->index;
    }
    [[nodiscard]] std::uint64_t count() const
    {
        return raw_->count;
    }
    // Of content that came whole: "replaced", then a change for each entry.
    [[nodiscard]] bool is_bulk() const
    {
        return raw_->is_bulk;
    }
    // Of what the watch tells of its commit.
    [[nodiscard]] bool is_last() const
    {
        return raw_->is_last;
    }
    // Nothing: this change has none.
    [[nodiscard]] result<std::optional<protobase::value>> key() const
    {
        return part(raw_->has_key, pbase_watch_key);
    }
    [[nodiscard]] result<std::optional<protobase::value>> value() const
    {
        return part(raw_->has_value, pbase_watch_value);
    }
    // The steps from the root down to the collection, as snapshot::at takes them: a list. Nothing: of a
    // database.
    [[nodiscard]] result<std::optional<protobase::value>> path() const
    {
        return found(pbase_watch_path);
    }
    // The class of the object that was put or removed, or that the collection is below.
    [[nodiscard]] result<std::optional<protobase::value>> class_name() const
    {
        return found(pbase_watch_class);
    }
    // The collection, told apart for as long as it lives; and those in the value, whose child(n) they
    // are: which, of what kind, and whether this commit made them.
    [[nodiscard]] pbase_collection_id collection() const
    {
        return raw_->collection;
    }
    [[nodiscard]] std::uint32_t children() const
    {
        return raw_->children;
    }
    [[nodiscard]] result<pbase_change_child> child(std::uint64_t n) const
    {
        pbase_change_child out{};
        auto done = detail::checked(
            [&](pbase_error *err) { return pbase_watch_child(from_, n, &out, err); });
        return done ? result<pbase_change_child>(out) : done.failure();
    }
    // For fields that the layer does not name.
    [[nodiscard]] const pbase_change *raw() const
    {
        return raw_;
    }

  private:
    static std::string_view text(const char *lent)
    {
        return lent == nullptr ? std::string_view() : std::string_view(lent);
    }
    using getter = pbase_status (*)(pbase_watch *, pbase_arena *, pbase_value *, pbase_error *);
    [[nodiscard]] result<std::optional<protobase::value>> part(bool has, getter get) const
    {
        return has ? found(get) : std::optional<protobase::value>();
    }
    [[nodiscard]] result<std::optional<protobase::value>> found(getter get) const
    {
        detail::decoded memory;
        auto got = memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return get(from_, arena, out, err);
        });
        if (got) {
            return std::optional<protobase::value>(std::move(got).value());
        }
        return got.failure().is_not_found() ? result<std::optional<protobase::value>>(std::nullopt)
                                            : got.failure();
    }
    pbase_watch *from_ = nullptr;
    const pbase_change *raw_ = nullptr;
};

struct watch_options {
    std::string root;       // only this one; "": everything
    std::uint64_t from = 0; // the first commit told; 0: the next one
};

class watch;

// The changes that come while it waits, for a range-based for.
class changes : public detail::stepping
{
  public:
    using iterator = detail::step_iterator<changes, change>;
    iterator begin()
    {
        return iterator(advance() ? this : nullptr);
    }
    iterator end()
    {
        return iterator(nullptr);
    }

  private:
    friend iterator;
    friend class watch;
    using owner = std::shared_ptr<detail::owned<pbase_watch, pbase_watch_close>>;
    changes(owner from, call wait) : from_(std::move(from)), wait_(std::move(wait))
    {
    }
    [[nodiscard]] const change &current() const
    {
        return current_;
    }
    bool advance()
    {
        error cause;
        const pbase_change *raw = nullptr;
        if (from_ == nullptr || from_->raw_ == nullptr) {
            return stop(detail::gone());
        }
        pbase_status status = pbase_watch_next(from_->raw_, wait_.raw(), &raw, cause.raw());
        current_ = change(from_->raw_, raw);
        return stepped(status == PBASE_TIMEOUT || status == PBASE_CANCELLED ? PBASE_END : status,
                       cause);
    }
    owner from_;
    call wait_;
    change current_;
};

class watch
{
  public:
    watch(std::shared_ptr<detail::node> from, pbase_watch *raw) : raw_(std::move(from), raw)
    {
    }
    // Of one database, whatever it is called later.
    [[nodiscard]] static result<watch> open(const database &of, const watch_options &options = {})
    {
        auto in = of.shared();
        auto space = in == nullptr
                         ? nullptr
                         : std::static_pointer_cast<detail::owned<pbase_space, pbase_space_close>>(
                               in->parent());
        return opened(in, space, of.raw(), options);
    }
    // Of every database of a space.
    [[nodiscard]] static result<watch> open(const space &of, const watch_options &options = {})
    {
        return opened(of.shared(), of.shared(), nullptr, options);
    }
    // Waits for the next change. TIMEOUT and CANCELLED lose nothing: ask again.
    [[nodiscard]] result<change> next(const call &wait = {})
    {
        const pbase_change *raw = nullptr;
        auto done = detail::checked(raw_, [&](pbase_error *err) {
            return pbase_watch_next(raw_.get(), wait.raw(), &raw, err);
        });
        if (!done) {
            return done.failure();
        }
        return change(raw_.get(), raw);
    }
    // Those that come until `wait` is over; without one, those that are there.
    [[nodiscard]] protobase::changes changes(call wait = call::now())
    {
        return {raw_.shared(), std::move(wait)};
    }
    // Every commit up to this one was told whole: begin behind it (watch_options::from) to resume.
    [[nodiscard]] std::uint64_t sequence() const
    {
        return raw_.get() == nullptr ? 0 : pbase_watch_sequence(raw_.get());
    }

  private:
    [[nodiscard]] static result<watch> opened(
        std::shared_ptr<detail::node> from,
        const std::shared_ptr<detail::owned<pbase_space, pbase_space_close>> &space,
        pbase_database *of, const watch_options &options)
    {
        pbase_watch_options raw_options = PBASE_WATCH_OPTIONS_INIT;
        raw_options.root = options.root.empty() ? nullptr : options.root.c_str();
        raw_options.from = options.from;
        pbase_watch *raw = nullptr;
        auto done = detail::checked(space, [&](pbase_error *err) {
            return pbase_watch_open(space->raw_, of, &raw_options, &raw, err);
        });
        if (!done) {
            return done.failure();
        }
        return watch(std::move(from), raw);
    }
    detail::handle<pbase_watch, pbase_watch_close> raw_;
};

} // namespace protobase
#endif
