"""Actors and their members."""

from __future__ import annotations

from typing import Any

from hew.compiler import ast
from hew.compiler.codes import E0013, E0015, E0016
from hew.compiler.parser.cursor import SyntaxFailure, TooDeep
from hew.compiler.parser.functions import FunctionParser


class ActorParser(FunctionParser):
    """Actor, ActorMember."""

    # Actor = "actor" IDENT [ ":" Bounds ] "{" { ActorMember } "}"
    def actor(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        start = self.pos
        self.pos += 1
        name = self.name("the name of the actor")
        bounds: tuple[ast.Bound, ...] = ()
        if self.take(":"):
            begin = self.pos
            bounds = self.bounds()
            self.unsupported(begin, "traits", "L3")
        opener = self.expect("{", " before the members of the actor")
        close = self.closes[opener]
        self.pos = opener + 1
        members: list[ast.Member | ast.FnDecl] = []
        while self.pos < close:
            begin = self.pos
            self.depth = 1
            self.head = self.guard = False
            try:
                members.append(self.member())
            except TooDeep:
                raise
            except SyntaxFailure:
                self.recover_member(begin, close)
                members.append(ast.Broken(self.span_from(begin)))
        self.pos = close + 1
        return self._actor_of(start, name, bounds, members, public, attributes)

    def _actor_of(
        self,
        start: int,
        name: ast.Ident,
        bounds: tuple[ast.Bound, ...],
        members: list[ast.Member | ast.FnDecl],
        public: bool,
        attributes: tuple[ast.Attribute, ...],
    ) -> ast.ActorDecl:
        """The actor, its members sorted by kind; a second `init` or `mailbox` is reported."""
        mailboxes = [m for m in members if isinstance(m, ast.Mailbox)]
        inits = [m for m in members if isinstance(m, ast.Init)]
        self._only_one(mailboxes, "mailbox", name)
        self._only_one(inits, "init", name)
        return ast.ActorDecl(
            self.span_from(start),
            name,
            bounds,
            tuple(m for m in members if isinstance(m, ast.ActorField)),
            mailboxes[0] if mailboxes else None,
            inits[0] if inits else None,
            tuple(m for m in members if isinstance(m, ast.Handler)),
            tuple(m for m in members if isinstance(m, ast.FnDecl)),
            public,
            attributes,
            any(isinstance(m, (ast.Unsupported, ast.Broken)) for m in members),
        )

    def _only_one(self, members: list[Any], word: str, actor: ast.Ident) -> None:
        for extra in members[1:]:
            first = members[0].span
            self.report.error(
                E0015,
                ast.Span(extra.span.start, extra.span.start + len(word)),
                what=f"{actor.text} has a second '{word}'",
                label="only one is allowed",
                secondary=[(ast.Span(first.start, first.start + len(word)), "the first one")],
            )

    def recover_member(self, begin: int, close: int) -> None:
        """To after the next `;`, or the next block, or to where a member begins."""
        failed, index = self.pos, begin
        while index < close:
            if index > begin and index >= failed and self.on_new_line(index) and self._begins_member(index):
                break
            kind = self.kinds[index]
            index = self.closes.get(index, index) + 1
            if index > failed and kind in (";", "{"):
                break
        self.pos = min(max(index, begin + 1), close)

    def _begins_member(self, index: int) -> bool:
        kind = self.kinds[index]
        if kind in ("let", "var", "fn", "#", "async", "pub", "type"):
            return True
        return kind == "ident" and (
            self.word(index) in ("receive", "init", "mailbox", "terminate", "pure", "gen")
            or self.kinds[index + 1] == ":"
        )

    # ActorMember = [ "let" | "var" ] IDENT ":" Type [ "=" Expr ] END | "mailbox" ... | "init" ... | "terminate" Block
    #             | "on" ("exit" | "down") ... | { Attribute } [ "pure" ] "receive" [ "gen" ] "fn" ... | Fn
    def member(self) -> ast.Member | ast.FnDecl:
        """One member of an actor."""
        attributes = self.attributes()
        kind = self.kinds[self.pos]
        if kind == "ident" and self.kinds[self.pos + 1] != ":":
            return self._contextual_member(attributes)
        if kind in ("fn", "async"):
            return self.function(public=False, attributes=attributes)
        if kind == "pub":
            self.visibility()
            return self.member()
        if attributes:
            self.report.error(E0016, attributes[-1].span, what="an attribute stands before an item or a handler")
        if kind in ("let", "var", "ident"):
            return self._actor_field()
        self.error_here(
            E0013,
            self.pos,
            expected="a member of the actor",
            found=self.found(self.pos),
            label="expected a field, init, receive fn or fn",
        )
        raise SyntaxFailure

    def _contextual_member(self, attributes: tuple[ast.Attribute, ...]) -> ast.Member | ast.FnDecl:
        start = self.pos
        word = self.word(start)
        following = self.kinds[start + 1]
        if word == "receive" or (word == "pure" and self.is_word("receive", 1)):
            return self._handler(attributes)
        if word in ("pure", "gen"):
            return self.function(public=False, attributes=attributes)
        if attributes:
            self.report.error(E0016, attributes[-1].span, what="an attribute stands before an item or a handler")
        if word == "init" and following == "(":
            self.pos += 1
            params = self.params("")
            body = self.block()
            return ast.Init(self.span_from(start), params, body)
        if word == "mailbox":
            return self._mailbox()
        if word == "terminate" and following == "{":
            self.pos += 1
            self.skip_bracket()
            return self.unsupported(start, "'terminate' blocks", "L2", end=start)
        if word == "on" and following == "ident":
            self.pos += 2
            self.params(" after the name of the event")
            if self.kinds[self.pos] != "{":
                raise self.missing("'{'")
            self.skip_bracket()
            return self.unsupported(start, "links and monitors", "L2", end=start + 1)
        return self._actor_field()

    def _actor_field(self) -> ast.ActorField:
        start = self.pos
        if self.kinds[start] in ("let", "var"):
            self.pos += 1
        name = self.name("a field")
        self.expect(":", " and a type after the field")
        type_ = self.type_()
        default = self.fresh_expression() if self.take("=") else None
        span = self.span_from(start)
        if self.kinds[self.pos] in (";", ","):
            self.pos += 1
        else:
            self.expected("';'", " after the field")
            if self.kinds[self.pos] != "}" and not self.on_new_line(self.pos):
                raise SyntaxFailure
        return ast.ActorField(span, name, type_, default)

    # "mailbox" Expr [ "overflow" Policy ] ";"
    def _mailbox(self) -> ast.Mailbox:
        start = self.pos
        self.pos += 1
        bound = self.fresh_expression()
        if self.is_word("overflow"):
            begin = self.pos
            while self.kinds[self.pos] not in (";", "}", "eof", "let", "var", "fn"):
                self.pos = self.closes.get(self.pos, self.pos) + 1
            self.unsupported(begin, "overflow policies", "L2")
        self.expect(";", " after the mailbox")
        return ast.Mailbox(self.span_from(start), bound)

    # { Attribute } [ "pure" ] "receive" [ "gen" ] "fn" IDENT "(" [ sep(Param) ] ")" [ "->" Type ] Block
    def _handler(self, attributes: tuple[ast.Attribute, ...]) -> ast.Member:
        start = self.pos
        pure = self.word(start) == "pure"
        self.pos += 2 if pure else 1
        is_generator = self.is_word("gen")
        if is_generator:
            self.pos += 1
        self.expect("fn", " after 'receive'")
        name = self.name("the name of the handler")
        if self.kinds[self.pos] == "<":
            self.error_here(E0015, self.pos, what="a handler has no type parameters")
            self.generics()
        params = self.params(" after the name of the handler")
        result = self.type_() if self.take("->") else None
        if is_generator:
            if self.kinds[self.pos] != "{":
                raise self.missing("'{'")
            self.skip_bracket()
            return self.unsupported(start, "streams", "L3", end=start + 2)
        body = self.block()
        return ast.Handler(self.span_from(start), name, params, result, body, pure, attributes)
