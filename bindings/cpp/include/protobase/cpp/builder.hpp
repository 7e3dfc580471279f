// builder.hpp - queries made by calls instead of text.
//
//     protobase::builder b;
//     auto large = b.from("orders").where(b.field("total") > 100 && b.field("state") == "open");
//     auto counted = b.query(large.count()).value();
//     auto newest = b.query(large.order({{b.field("at"), true}}).limit(10)).value();
//
// A plan is immutable and lazy: each call gives a new one that shares the one before. Errors wait: a
// step that is wrong gives an empty plan, and query() says what the first failure was.
//
// Ownership: plans and terms share their builder; queries are independent of it. Threads: a builder is
// confined, with its plans and terms.
#ifndef PROTOBASE_CPP_BUILDER_HPP
#define PROTOBASE_CPP_BUILDER_HPP
#include <protobase/cpp/query.hpp>

namespace protobase
{
namespace detail
{
using builder_node = owned<pbase_builder, pbase_builder_destroy>;
}

class term;

// What an operator has on its right: a term, or what values are made of.
class operand
{
  public:
    operand(const term &other);
    template <class T, std::enable_if_t<std::is_constructible_v<value, const T &>, int> = 0>
    operand(const T &constant) : constant_(constant)
    {
    }

  private:
    friend class term;
    const pbase_term *raw_ = nullptr;
    bool is_term_ = false;
    value constant_;
};

// An expression. Operators are those of queries: == is `=` (three-valued), != is `<>`; && and ||
// always look at both sides.
class term
{
  public:
    term(const term &) = default; // and no move: one that was moved away would be of no use
    term &operator=(const term &) = default;
    ~term() = default;
    term(std::shared_ptr<detail::builder_node> of, const pbase_term *raw)
        : of_(std::move(of)), raw_(raw)
    {
    }
    // Any operator or function by its name in the JSON plan: "like", "<=>", "//", ...
    [[nodiscard]] term with(const char *name, const operand &right) const
    {
        const pbase_term *other =
            right.is_term_ ? right.raw_ : pbase_term_value(of_->raw_, &right.constant_.raw());
        return {of_, pbase_term_binary(of_->raw_, name, raw_, other)};
    }
    [[nodiscard]] term with(const char *name) const
    {
        return {of_, pbase_term_unary(of_->raw_, name, raw_)};
    }
    [[nodiscard]] const pbase_term *raw() const
    {
        return raw_;
    }
    friend term operator==(const term &a, const term &b)
    {
        return a.with("=", b);
    }
    friend term operator!=(const term &a, const term &b)
    {
        return a.with("<>", b);
    }
    friend term operator==(const term &a, const operand &b)
    {
        return a.with("=", b);
    }
    friend term operator!=(const term &a, const operand &b)
    {
        return a.with("<>", b);
    }
    friend term operator<(const term &a, const operand &b)
    {
        return a.with("<", b);
    }
    friend term operator<=(const term &a, const operand &b)
    {
        return a.with("<=", b);
    }
    friend term operator>(const term &a, const operand &b)
    {
        return a.with(">", b);
    }
    friend term operator>=(const term &a, const operand &b)
    {
        return a.with(">=", b);
    }
    friend term operator&&(const term &a, const operand &b)
    {
        return a.with("and", b);
    }
    friend term operator||(const term &a, const operand &b)
    {
        return a.with("or", b);
    }
    friend term operator+(const term &a, const operand &b)
    {
        return a.with("+", b);
    }
    friend term operator-(const term &a, const operand &b)
    {
        return a.with("-", b);
    }
    friend term operator*(const term &a, const operand &b)
    {
        return a.with("*", b);
    }
    friend term operator/(const term &a, const operand &b)
    {
        return a.with("/", b);
    }
    friend term operator!(const term &a)
    {
        return a.with("not");
    }

  private:
    std::shared_ptr<detail::builder_node> of_;
    const pbase_term *raw_; // NULL: something was wrong
};

inline operand::operand(const term &other) : raw_(other.raw()), is_term_(true)
{
}

// A field of a row and what it is.
struct column {
    std::string name;
    term held;
};
struct order_key {
    term held;
    bool descending = false;
    pbase_plan_nulls nulls = PBASE_NULLS_AS_USUAL;
};
struct aggregate {
    std::string name, function;                     // "count", "sum", ...
    std::optional<term> argument = {}, filter = {}; // nothing: "count" of rows; every row
    bool distinct = false;
};

// The steps of a query, up to one of them.
class plan
{
  public:
    plan(const plan &) = default; // and no move: one that was moved away would be of no use
    plan &operator=(const plan &) = default;
    ~plan() = default;
    plan(std::shared_ptr<detail::builder_node> of, const pbase_plan *raw)
        : of_(std::move(of)), raw_(raw)
    {
    }
    [[nodiscard]] plan where(const term &condition) const
    {
        return next(pbase_plan_where(b(), raw_, condition.raw()));
    }
    [[nodiscard]] plan select(const std::vector<column> &columns) const
    {
        auto raw = columns_of(columns);
        return next(pbase_plan_select(b(), raw_, raw.data(), raw.size()));
    }
    [[nodiscard]] plan extend(const std::vector<column> &columns) const
    {
        auto raw = columns_of(columns);
        return next(pbase_plan_extend(b(), raw_, raw.data(), raw.size()));
    }
    [[nodiscard]] plan order(const std::vector<order_key> &keys) const
    {
        std::vector<pbase_plan_key> raw;
        for (const order_key &one : keys) {
            raw.push_back({one.held.raw(), one.descending, one.nulls});
        }
        return next(pbase_plan_order(b(), raw_, raw.data(), raw.size()));
    }
    [[nodiscard]] plan limit(std::uint64_t rows) const
    {
        return next(pbase_plan_limit(b(), raw_, rows));
    }
    [[nodiscard]] plan offset(std::uint64_t rows) const
    {
        return next(pbase_plan_offset(b(), raw_, rows));
    }
    [[nodiscard]] plan count() const
    {
        return next(pbase_plan_count(b(), raw_));
    }
    [[nodiscard]] plan distinct() const
    {
        return next(pbase_plan_distinct(b(), raw_));
    }
    // No keys: one row always.
    [[nodiscard]] plan group(const std::vector<column> &keys,
                             const std::vector<aggregate> &aggregates) const
    {
        auto raw_keys = columns_of(keys);
        std::vector<pbase_plan_aggregate> raw;
        for (const aggregate &one : aggregates) {
            raw.push_back({one.name.c_str(), one.function.c_str(),
                           one.argument ? one.argument->raw() : nullptr,
                           one.filter ? one.filter->raw() : nullptr, one.distinct});
        }
        return next(
            pbase_plan_group(b(), raw_, raw_keys.data(), raw_keys.size(), raw.data(), raw.size()));
    }
    // `right` names the joined row; `left` (nullptr: its fields stay at the top) the row before.
    [[nodiscard]] plan join(pbase_join_kind kind, const plan &with, const char *right,
                            const term &on, const char *left = nullptr) const
    {
        return next(pbase_plan_join(b(), raw_, kind, with.raw_, left, right, on.raw()));
    }
    // Every pair.
    [[nodiscard]] plan cross_join(const plan &with, const char *right,
                                  const char *left = nullptr) const
    {
        return next(pbase_plan_join(b(), raw_, PBASE_JOIN_CROSS, with.raw_, left, right, nullptr));
    }
    [[nodiscard]] plan combine(pbase_set_operation operation, const plan &with) const
    {
        return next(pbase_plan_combine(b(), raw_, operation, with.raw_));
    }
    // A row for each element of the list at `path`, in a field `name`.
    [[nodiscard]] plan unnest(const char *path, const char *name, bool outer = false) const
    {
        return next(pbase_plan_unnest(b(), raw_, path, name, outer));
    }
    [[nodiscard]] plan traverse(const char *source, const char *key, const char *ref,
                                pbase_traverse_options options = {}) const
    {
        options.struct_size = sizeof options;
        return next(pbase_plan_traverse(b(), raw_, source, key, ref, &options));
    }
    [[nodiscard]] const pbase_plan *raw() const
    {
        return raw_;
    }

  private:
    [[nodiscard]] pbase_builder *b() const
    {
        return of_->raw_;
    }
    [[nodiscard]] plan next(const pbase_plan *raw) const
    {
        return {of_, raw};
    }
    static std::vector<pbase_plan_column> columns_of(const std::vector<column> &columns)
    {
        std::vector<pbase_plan_column> raw;
        for (const column &one : columns) {
            raw.push_back({one.name.c_str(), one.held.raw()});
        }
        return raw;
    }
    std::shared_ptr<detail::builder_node> of_;
    const pbase_plan *raw_; // NULL: something was wrong
};

class builder
{
  public:
    builder(const builder &) = default; // a second name of the same
    builder &operator=(const builder &) = default;
    ~builder() = default;
    // Lack of memory is raised.
    builder() : of_(std::make_shared<detail::builder_node>(nullptr, nullptr))
    {
        detail::checked([&](pbase_error *err) {
            return pbase_builder_create(nullptr, &of_->raw_, err);
        }).value();
    }
    // The query of a plan; the first failure since the last query, which is forgotten by this.
    [[nodiscard]] result<protobase::query> query(const plan &last) const
    {
        pbase_query *raw = nullptr;
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_builder_query(of_->raw_, last.raw(), &raw, err);
        });
        if (!done) {
            return done.failure();
        }
        return protobase::query(raw);
    }

    // Terms: a field by its path ("a.b[0]"), the parameter $name, a constant.
    [[nodiscard]] term field(const char *path) const
    {
        return {of_, pbase_term_field(of_->raw_, path)};
    }
    [[nodiscard]] term parameter(const char *name) const
    {
        return {of_, pbase_term_parameter(of_->raw_, name)};
    }
    [[nodiscard]] term constant(const value &held) const
    {
        return {of_, pbase_term_value(of_->raw_, &held.raw())};
    }
    // A function by its name: call("coalesce", {a, b}).
    [[nodiscard]] term call(const char *name, const std::vector<term> &arguments) const
    {
        std::vector<const pbase_term *> raw;
        for (const term &one : arguments) {
            raw.push_back(one.raw());
        }
        return {of_, pbase_term_call(of_->raw_, name, raw.data(), raw.size())};
    }
    // As query text writes it.
    [[nodiscard]] term parse(const char *text) const
    {
        return {of_, pbase_term_parse(of_->raw_, text)};
    }

    // Plans: the documents of a collection, or the steps of a query text.
    [[nodiscard]] plan from(const char *source, const char *alias = nullptr,
                            const char *key = nullptr) const
    {
        return {of_, pbase_plan_from(of_->raw_, source, alias, key)};
    }
    [[nodiscard]] plan steps(const char *text) const
    {
        return {of_, pbase_plan_parse(of_->raw_, text)};
    }

  private:
    std::shared_ptr<detail::builder_node> of_;
};

} // namespace protobase
#endif
