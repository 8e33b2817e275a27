//! Sets of field paths.
//!
//! A set is a tree in which a node may be a member itself, have members below it, or both: a manager that owns a list item as
//! such also owns fields inside it. The operations follow `structured-merge-diff/v6`, `fieldpath/set.go`: the plain ones
//! treat a path and the paths below it as unrelated, the recursive difference removes a path with everything below.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};

use crate::path::{Path, PathElement};
use crate::schema::{Schema, TypeId};

/// A set of field paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Sorted by element, each element once. Every node is a member or has a child.
    pub(crate) nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub element: PathElement,
    /// Whether the path that ends here is in the set.
    pub member: bool,
    pub children: FieldSet,
}

impl Node {
    fn is_needed(&self) -> bool {
        self.member || !self.children.is_empty()
    }
}

impl FieldSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a path, but not its parents. The empty path stands for the whole object, which nobody owns, and adds nothing.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else { return };
        let node = self.node_mut(first);
        if rest.is_empty() {
            node.member = true;
        } else {
            node.children.insert(rest);
        }
    }

    /// Whether the path itself is in the set.
    #[must_use]
    pub fn contains(&self, path: &[PathElement]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        let Some(node) = self.node(first) else { return false };
        if rest.is_empty() { node.member } else { node.children.contains(rest) }
    }

    /// Whether no path is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether the other set has every path of this one.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        let mut others = other.nodes.iter();
        self.nodes.iter().all(|node| {
            // Both levels are sorted, so the search goes on where the last one ended.
            others.find(|other| other.element >= node.element).is_some_and(|other| {
                other.element == node.element
                    && (other.member || !node.member)
                    && node.children.is_subset(&other.children)
            })
        })
    }

    /// The number of paths in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.iter().map(|node| usize::from(node.member) + node.children.len()).sum()
    }

    /// The paths below `element`, without it; `None` if there are none.
    #[must_use]
    pub fn below(&self, element: &PathElement) -> Option<&Self> {
        self.node(element).map(|node| &node.children).filter(|children| !children.is_empty())
    }

    /// Paths that are in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |both| match both {
            Both::Left(node) | Both::Right(node) => Some(node.clone()),
            Both::Common(left, right) => Some(Node {
                element: left.element.clone(),
                member: left.member || right.member,
                children: left.children.union(&right.children),
            }),
        })
    }

    /// Paths that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |both| match both {
            Both::Left(_) | Both::Right(_) => None,
            Both::Common(left, right) => Some(Node {
                element: left.element.clone(),
                member: left.member && right.member,
                children: left.children.intersection(&right.children),
            }),
        })
    }

    /// Paths that are in this set and not in the other. A parent and a child are different paths.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |both| match both {
            Both::Left(node) => Some(node.clone()),
            Both::Right(_) => None,
            Both::Common(left, right) => Some(Node {
                element: left.element.clone(),
                member: left.member && !right.member,
                children: left.children.difference(&right.children),
            }),
        })
    }

    /// Paths that are in this set and neither in the other nor below a path of the other.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        self.combine(other, |both| match both {
            Both::Left(node) => Some(node.clone()),
            Both::Right(_) => None,
            Both::Common(_, right) if right.member => None,
            Both::Common(left, right) => Some(Node {
                element: left.element.clone(),
                member: left.member,
                children: left.children.recursive_difference(&right.children),
            }),
        })
    }

    /// Only the paths that have no path of the set below them.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let leaf = |node: &Node| Node {
            element: node.element.clone(),
            member: node.member && node.children.is_empty(),
            children: node.children.leaves(),
        };
        Self { nodes: self.nodes.iter().map(leaf).collect() }
    }

    /// Adds every declared field on the way to a path of the set: of `.spec.ports[..].name` also `.spec` and `.spec.ports`.
    ///
    /// List items and the entries of free maps stay as they are. Removing these sets from an object therefore also removes
    /// structs and lists of which nothing is left.
    #[must_use]
    pub fn with_declared_parents(&self, schema: &Schema, kind: Option<TypeId>) -> Self {
        let atom = kind.map(|kind| schema.atom(kind));
        let map = atom.and_then(|atom| atom.map.as_ref());
        let list = atom.and_then(|atom| atom.list.as_ref());
        let extend = |node: &Node| {
            let (declared, child) = match &node.element {
                PathElement::Field(name) => {
                    let field = map.and_then(|map| map.field(name));
                    let child = field.map(|field| field.kind).or_else(|| map.and_then(|map| map.element));
                    (field.is_some(), child)
                }
                PathElement::Key(_) => (false, list.map(|list| list.element)),
                PathElement::Value(_) | PathElement::Index(_) => (false, None),
            };
            Node {
                element: node.element.clone(),
                member: node.member || (declared && !node.children.is_empty()),
                children: node.children.with_declared_parents(schema, child),
            }
        };
        Self { nodes: self.nodes.iter().map(extend).collect() }
    }

    /// Calls `visit` with every path: the members of a level first, then what is below each element, which is the order in
    /// which Kubernetes lists conflicts.
    pub fn visit(&self, mut visit: impl FnMut(&[PathElement])) {
        self.visit_below(&mut Vec::new(), &mut visit);
    }

    /// All paths, in the order of [`FieldSet::visit`].
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::with_capacity(self.len());
        self.visit(|path| paths.push(Path::from(path)));
        paths
    }

    fn visit_below(&self, prefix: &mut Vec<PathElement>, visit: &mut impl FnMut(&[PathElement])) {
        for node in self.nodes.iter().filter(|node| node.member) {
            prefix.push(node.element.clone());
            visit(prefix);
            prefix.pop();
        }
        for node in self.nodes.iter().filter(|node| !node.children.is_empty()) {
            prefix.push(node.element.clone());
            node.children.visit_below(prefix, visit);
            prefix.pop();
        }
    }

    fn node(&self, element: &PathElement) -> Option<&Node> {
        let found = self.nodes.binary_search_by(|node| node.element.cmp(element)).ok()?;
        self.nodes.get(found)
    }

    /// The node of `element`, made if necessary; the caller makes it needed.
    pub(crate) fn node_mut(&mut self, element: &PathElement) -> &mut Node {
        let index = match self.nodes.binary_search_by(|node| node.element.cmp(element)) {
            Ok(found) => found,
            Err(place) => {
                let node = Node { element: element.clone(), member: false, children: Self::new() };
                self.nodes.insert(place, node);
                place
            }
        };
        // The index was found or inserted just above.
        &mut self.nodes[index]
    }

    /// Builds a set out of nodes in any order; of two nodes with the same element the later one stays.
    pub(crate) fn from_nodes(mut nodes: Vec<Node>) -> Self {
        nodes.retain(Node::is_needed);
        if !nodes.is_sorted_by(|left, right| left.element < right.element) {
            nodes.sort_by(|left, right| left.element.cmp(&right.element));
            nodes.reverse();
            nodes.dedup_by(|later, earlier| later.element == earlier.element);
            nodes.reverse();
        }
        Self { nodes }
    }

    /// Walks two sorted levels side by side and keeps the nodes that are needed.
    fn combine<'a>(&'a self, other: &'a Self, mut keep: impl FnMut(Both<'a>) -> Option<Node>) -> Self {
        let mut nodes = Vec::with_capacity(self.nodes.len());
        let (mut left, mut right) = (self.nodes.iter().peekable(), other.nodes.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => left.element.cmp(&right.element),
            };
            let both = match order {
                Ordering::Less => left.next().map(Both::Left),
                Ordering::Greater => right.next().map(Both::Right),
                Ordering::Equal => left.next().zip(right.next()).map(|(left, right)| Both::Common(left, right)),
            };
            if let Some(node) = both.and_then(&mut keep).filter(Node::is_needed) {
                nodes.push(node);
            }
        }
        Self { nodes }
    }
}

/// Which of two levels has an element.
enum Both<'a> {
    Left(&'a Node),
    Right(&'a Node),
    Common(&'a Node, &'a Node),
}

impl<'a> FromIterator<&'a Path> for FieldSet {
    fn from_iter<I: IntoIterator<Item = &'a Path>>(paths: I) -> Self {
        let mut set = Self::new();
        paths.into_iter().for_each(|path| set.insert(&path.0));
        set
    }
}

impl FromIterator<Path> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Path>>(paths: I) -> Self {
        let mut set = Self::new();
        paths.into_iter().for_each(|path| set.insert(&path.0));
        set
    }
}

impl Display for FieldSet {
    /// One path per line.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for (position, path) in self.paths().iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(out, "{separator}{path}")?;
        }
        Ok(())
    }
}
