"""The echo, by the cases of the Autobahn suite: see cases.py. Each test is a section of them."""

import collections
import unittest

import cases
from conformance import Conformance


class Played(Conformance):
    def all_of(self, section):
        for play in section():
            play.run(self)


class Functional(Played):
    """The 247 of sections 1 to 7 and 10."""

    def test_messages(self):
        """text and binary of 0 to 65536 bytes come back, in one write and in pieces of 997 bytes"""
        self.all_of(cases.framing)

    def test_pings(self):
        """pings of up to 125 bytes are answered one by one, pongs are not, 126 bytes are an error"""
        self.all_of(cases.pings)

    def test_reserved_bits(self):
        """reserved bits fail the connection behind the echo of what came before, and before what comes behind"""
        self.all_of(cases.reserved_bits)

    def test_opcodes(self):
        """so do opcodes that nobody has defined"""
        self.all_of(cases.opcodes)

    def test_fragments(self):
        """fragments, with pings between them, in one write and octet by octet; what continues nothing is an error"""
        self.all_of(cases.fragments)

    def test_utf8(self):
        """145 texts and ways to send them: what is UTF-8 comes back, all else is failed at the byte that shows it"""
        self.all_of(cases.utf8)

    def test_closing(self):
        """a Close is answered behind what came before it, with its code if it may be sent, and ends everything"""
        self.all_of(cases.closing)

    def test_auto_fragments(self):
        """64 KiB in the fragments that a client's library makes"""
        self.all_of(cases.auto_fragments)


class Sizes(Played):
    """The 54 of section 9."""

    def test_large_messages(self):
        """messages of 64 KiB to 16 MiB come back"""
        self.all_of(cases.large_messages)

    def test_many_fragments(self):
        """4 MiB in fragments of 64 bytes, which are 65536 of them, to one of 4 MiB come back"""
        self.all_of(cases.many_fragments)

    def test_many_chops(self):
        """1 MiB that comes in writes of 64 to 2048 bytes comes back"""
        self.all_of(cases.many_chops)

    def test_round_trips(self):
        """a thousand messages of each size up to 4096 bytes come back, each before the next is sent"""
        self.all_of(cases.round_trips)


class Numbers(unittest.TestCase):
    def test_every_case_has_its_number(self):
        """the cases are the 247 functional ones and the 54 of sizes, each once"""

        def numbers(sections):
            return [play.number for section in sections for play in section()]

        def by_section(found, depth):
            return collections.Counter(".".join(number.split(".")[:depth]) for number in found)

        functional, of_sizes = numbers(cases.FUNCTIONAL), numbers(cases.OF_SIZES)
        self.assertEqual(len(set(functional)), 247)
        self.assertEqual(len(functional), 247)
        wanted = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "10": 1}
        self.assertEqual(by_section(functional, 1), wanted)
        wanted = [3, 4, 2, 4, 5, 11, 4, 2, 4, 3, 5, 8, 5, 10, 1, 3, 5, 5, 5, 7, 8, 34, 7]
        utf8 = by_section((number for number in functional if number.startswith("6.")), 2)
        self.assertEqual(utf8, {f"6.{count}": size for count, size in enumerate(wanted, 1)})
        closing = by_section((number for number in functional if number.startswith("7.")), 2)
        self.assertEqual(closing, {"7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2})
        self.assertEqual(len(set(of_sizes)), 54)
        sizes = by_section(of_sizes, 2)
        self.assertEqual(list(sizes.values()), [6, 6, 9, 9, 6, 6, 6, 6])

    def test_texts_are_what_they_are_meant_to_be(self):
        """of the texts of each section so many are UTF-8, as Python's own decoder sees it"""
        good = {section: sum(map(cases.is_utf8, texts)) for section, texts in cases.UTF8_SECTIONS.items()}
        wanted = {"6.5": 5, "6.6": 4, "6.7": 4, "6.9": 4, "6.11": 4, "6.22": 34, "6.23": 7}
        self.assertEqual({section: count for section, count in good.items() if count}, wanted)
