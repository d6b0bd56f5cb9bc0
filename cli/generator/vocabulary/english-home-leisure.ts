// English aisles, second half: home, sports, beauty, toys, garden, family. Features, materials and
// uses fit all items of an aisle.

import { item } from '../vocabulary.ts';
import type { Aisle } from '../vocabulary.ts';

export const homeAndLeisure: readonly Aisle[] = [
  {
    category: 'Kitchen',
    items: [
      item('coffee machine', 60, 900, 'espresso', 'fully automatic', 'filter', 'capsule'),
      item('kettle', 20, 120, 'gooseneck', 'temperature-controlled', 'electric'),
    ],
    features: [
      'a milk frother',
      'a removable drip tray',
      'precise temperature control',
      'a keep-warm function',
      'quick heating',
    ],
    materials: ['stainless steel', 'steel and glass', 'brushed metal'],
    uses: ['small kitchens', 'Sunday breakfast', 'coffee lovers', 'the office'],
  },
  {
    category: 'Kitchen',
    items: [
      item('frying pan', 20, 140, 'deep', 'non-stick', '28 cm', 'induction'),
      item("chef's knife", 25, 220, 'forged', 'Japanese', '20 cm'),
    ],
    features: ['a comfortable handle', 'perfect balance', 'lifelong durability', 'a hanging loop'],
    materials: ['stainless steel', 'carbon steel', 'steel and beech wood'],
    uses: ['keen home cooks', 'family dinners', 'everyday cooking'],
  },
  {
    category: 'Kitchen',
    items: [
      item('stand mixer', 120, 620, '5-litre', 'retro', 'planetary'),
      item('air fryer', 50, 260, 'family-size', 'dual-basket', 'compact'),
    ],
    features: ['a quiet motor', 'dishwasher-safe parts', 'a timer', 'a clear display'],
    materials: ['die-cast metal', 'heat-resistant plastic', 'stainless steel'],
    uses: ['baking bread', 'crispy fries without oil', 'family dinners', 'small kitchens'],
  },
  {
    category: 'Kitchen',
    items: [
      item('lunch box', 12, 45, 'leakproof bento', 'insulated', 'two-tier'),
      item('wine glasses', 18, 95, 'stemless', 'red-wine', 'set of six'),
    ],
    features: ['a dishwasher-safe finish', 'a modern shape', 'a gift box', 'easy stacking'],
    materials: ['borosilicate glass', 'stainless steel and glass', 'crystal glass'],
    uses: ['picnics', 'the office', 'dinner with friends', 'a gift'],
  },
  {
    category: 'Home & Living',
    items: [
      item('desk lamp', 20, 130, 'dimmable LED', 'clamp-on', 'adjustable', 'architect'),
      item('fairy lights', 9, 45, 'solar', 'warm white', 'battery-powered Christmas'),
    ],
    features: ['a soft warm glow', 'a timer', 'low energy use', 'three brightness levels'],
    materials: ['brass', 'aluminium', 'glass and metal'],
    uses: ['cosy evenings', 'reading', 'the home office', 'festive decoration'],
  },
  {
    category: 'Home & Living',
    items: [
      item('duvet', 40, 280, 'warm winter', 'all-season', 'lightweight summer', 'hypoallergenic'),
      item('cushion', 12, 60, 'velvet', 'embroidered', 'square', 'boho'),
      item('throw blanket', 22, 140, 'chunky knit', 'fringed', 'weighted', 'extra-large'),
    ],
    features: ['a washable cover', 'a fluffy filling', 'hidden seams', 'a soft touch'],
    materials: ['pure wool', 'organic cotton', 'goose down and cotton', 'soft velvet'],
    uses: ['cosy evenings', 'the bedroom', 'the sofa', 'cold nights'],
  },
  {
    category: 'Home & Living',
    items: [item('scented candle', 10, 60, 'vanilla', 'lavender', 'sandalwood', 'Christmas')],
    features: ['a long burn time', 'a gentle scent', 'a cotton wick', 'a reusable jar'],
    materials: ['soy wax', 'beeswax', 'rapeseed wax'],
    uses: ['cosy evenings', 'a housewarming gift', 'the bathroom', 'relaxing'],
  },
  {
    category: 'Home & Living',
    items: [
      item('wall clock', 18, 110, 'silent', 'round', 'station'),
      item('picture frame', 10, 60, 'A4', 'gallery', 'vintage'),
    ],
    features: ['a hand-finished surface', 'easy hanging', 'a minimalist design', 'clear glass'],
    materials: ['solid oak', 'brass', 'painted wood'],
    uses: ['the living room', 'the hallway', 'a housewarming gift', 'family photos'],
  },
  {
    category: 'Furniture',
    items: [
      item('office chair', 90, 650, 'ergonomic mesh', 'high-back', 'swivel'),
      item('sofa', 350, 2200, 'three-seater', 'corner', 'convertible sleeper', 'velvet'),
    ],
    features: ['lumbar support', 'deep soft seats', 'easy assembly', 'wide armrests'],
    materials: [
      'bouclé fabric and beech',
      'breathable mesh and steel',
      'hard-wearing woven fabric',
    ],
    uses: ['the home office', 'long working days', 'the living room', 'guest rooms'],
  },
  {
    category: 'Furniture',
    items: [
      item('standing desk', 180, 800, 'electric', 'height-adjustable', 'corner'),
      item('bookshelf', 60, 420, 'narrow', 'industrial', 'ladder'),
      item('bed frame', 150, 1100, 'king-size', 'low', 'storage'),
      item('coffee table', 55, 480, 'round', 'nesting', 'lift-top'),
    ],
    features: ['hidden storage', 'easy assembly', 'rounded corners', 'a scratch-resistant surface'],
    materials: ['solid oak', 'walnut veneer', 'powder-coated steel', 'bamboo'],
    uses: ['small flats', 'the home office', 'the living room', 'minimalist homes'],
  },
  {
    category: 'Sports & Outdoors',
    items: [
      item('yoga mat', 18, 110, 'non-slip', 'extra-thick', 'foldable', 'travel'),
      item('dumbbells', 25, 320, 'adjustable', 'hexagonal', 'pair of'),
    ],
    features: ['a non-slip grip', 'floor protection', 'a carry strap', 'an odourless surface'],
    materials: ['natural rubber', 'cork and rubber', 'neoprene and iron'],
    uses: ['home workouts', 'beginners', 'pilates', 'strength training'],
  },
  {
    category: 'Sports & Outdoors',
    items: [
      item('tent', 60, 650, 'two-person', 'family', 'ultralight', 'pop-up'),
      item('sleeping bag', 40, 360, 'warm down', 'three-season', 'mummy'),
    ],
    features: ['a small pack size', 'two-way zips', 'quick drying', 'ventilation'],
    materials: ['ripstop nylon', 'recycled polyester', 'waterproof polyester'],
    uses: ['camping', 'festivals', 'alpine tours', 'cold nights outdoors'],
  },
  {
    category: 'Sports & Outdoors',
    items: [
      item('mountain bike', 380, 3200, 'hardtail', 'full-suspension', 'electric'),
      item('bike helmet', 30, 180, 'lightweight', 'urban', 'MIPS'),
    ],
    features: ['shock absorption', 'ventilation', 'a light build', 'precise adjustment'],
    materials: ['carbon fibre', 'aluminium', 'light composite'],
    uses: ['weekend rides', 'steep trails', 'the daily commute', 'beginners'],
  },
  {
    category: 'Sports & Outdoors',
    items: [
      item('water bottle', 12, 50, 'insulated', 'leakproof', 'one-litre'),
      item('tennis racket', 40, 260, 'graphite', 'beginner', 'lightweight'),
      item('ski goggles', 35, 190, 'anti-fog', 'mirrored', 'magnetic'),
    ],
    features: ['a secure grip', 'a protective case', 'a light feel', 'lasting quality'],
    materials: ['stainless steel and silicone', 'graphite composite', 'recycled polymer'],
    uses: ['training days', 'winter sports', 'the club', 'holidays'],
  },
  {
    category: 'Beauty & Care',
    items: [
      item('face cream', 12, 95, 'hydrating', 'anti-ageing', 'night', 'SPF 50'),
      item('shampoo', 6, 35, 'solid', 'anti-dandruff', 'volumising', 'silicone-free'),
      item('lipstick', 8, 45, 'matte', 'long-lasting', 'nourishing'),
    ],
    features: [
      'hyaluronic acid',
      'a gentle formula',
      'natural oils',
      'a fresh scent',
      'no parabens',
    ],
    materials: ['plant-based ingredients', 'aloe vera and shea butter', 'organic extracts'],
    uses: ['sensitive skin', 'every morning', 'dry hair and skin', 'a gift'],
  },
  {
    category: 'Beauty & Care',
    items: [item('perfume', 35, 190, 'floral', 'woody', 'citrus', 'unisex')],
    features: [
      'notes of bergamot and musk',
      'a long-lasting scent',
      'hints of jasmine',
      'a warm amber base',
    ],
    materials: ['natural essences', 'fine alcohol and essential oils'],
    uses: ['evenings out', 'a gift', 'summer', 'the office'],
  },
  {
    category: 'Beauty & Care',
    items: [
      item('electric toothbrush', 30, 220, 'sonic', 'travel', 'pressure-sensing'),
      item('hair dryer', 25, 380, 'ionic', 'foldable', 'professional'),
      item('beard trimmer', 25, 110, 'cordless', 'waterproof', 'precision'),
    ],
    features: ['a quiet motor', 'a travel case', 'fast charging', 'several attachments'],
    materials: ['matte plastic and steel', 'recycled plastic'],
    uses: ['every morning', 'travelling light', 'the whole family', 'a gift'],
  },
  {
    category: 'Toys & Games',
    items: [
      item('building blocks', 15, 180, 'chunky', 'magnetic', 'castle'),
      item('toy train set', 25, 160, 'classic', 'large', 'starter'),
      item('teddy bear', 12, 70, 'giant', 'cuddly', 'musical'),
    ],
    features: ['rounded edges', 'bright colours', 'a storage bag', 'washable surfaces'],
    materials: ['certified beech wood', 'organic cotton', 'BPA-free plastic'],
    uses: ['toddlers', 'birthday presents', 'creative play', 'little ones'],
  },
  {
    category: 'Toys & Games',
    items: [
      item('board game', 18, 80, 'cooperative', 'strategy', 'family', 'party'),
      item('jigsaw puzzle', 10, 45, '1,000-piece', 'panorama', 'world map'),
      item('science kit', 18, 75, 'chemistry', 'robotics', 'solar energy'),
    ],
    features: ['easy rules', 'hours of play', 'illustrated instructions', 'beautiful artwork'],
    materials: ['sturdy cardboard', 'recycled cardboard and wood'],
    uses: ['family evenings', 'children from six', 'curious minds', 'rainy days'],
  },
  {
    category: 'Toys & Games',
    items: [item('game controller', 25, 160, 'wireless', 'retro', 'pro')],
    features: ['programmable buttons', 'vibration feedback', 'a long battery life', 'low latency'],
    materials: ['textured plastic', 'recycled plastic and rubber'],
    uses: ['console gaming', 'esports', 'couch co-op'],
  },
  {
    category: 'Garden & DIY',
    items: [
      item('cordless drill', 50, 280, '18-volt', 'compact', 'hammer'),
      item('tool set', 30, 260, '108-piece', 'household', 'socket'),
      item('pruning shears', 12, 70, 'bypass', 'ergonomic', 'Japanese'),
    ],
    features: [
      'a soft grip',
      'a carry case',
      'lasting sharpness and strength',
      'a five-year warranty',
    ],
    materials: ['forged steel', 'chrome vanadium steel', 'steel and rubber'],
    uses: ['home repairs', 'new homeowners', 'hobby gardeners', 'the workshop'],
  },
  {
    category: 'Garden & DIY',
    items: [
      item('garden hose', 20, 110, 'expandable', 'drip-free', '30-metre'),
      item('plant pot', 8, 70, 'large', 'self-watering', 'hanging'),
    ],
    features: ['frost resistance', 'UV protection', 'a neat look', 'easy cleaning'],
    materials: ['weatherproof plastic', 'recycled materials'],
    uses: ['balconies', 'large gardens', 'vegetable beds', 'terraces'],
  },
  {
    category: 'Garden & DIY',
    items: [
      item('lawn mower', 110, 1400, 'cordless', 'robotic', 'petrol'),
      item('barbecue grill', 60, 900, 'gas', 'charcoal', 'portable'),
    ],
    features: ['a rust-proof coating', 'easy cleaning', 'large wheels', 'a foldable frame'],
    materials: ['galvanised steel', 'cast aluminium'],
    uses: ['large gardens', 'summer parties', 'weekends outdoors'],
  },
  {
    category: 'Baby & Pets',
    items: [
      item('baby stroller', 120, 950, 'foldable', 'all-terrain', 'travel-system'),
      item('baby carrier', 45, 200, 'ergonomic', 'wrap', 'newborn'),
    ],
    features: ['one-hand folding', 'padded straps', 'a sun canopy', 'a washable cover'],
    materials: ['organic cotton', 'aluminium and recycled polyester', 'breathable mesh'],
    uses: ['newborns', 'family trips', 'long walks', 'city life'],
  },
  {
    category: 'Baby & Pets',
    items: [item('baby monitor', 40, 220, 'video', 'two-way audio', 'night-vision')],
    features: [
      'a long range',
      'a lullaby function',
      'room temperature display',
      'a private encrypted link',
    ],
    materials: ['recycled plastic'],
    uses: ['newborns', 'peaceful nights', 'large homes'],
  },
  {
    category: 'Baby & Pets',
    items: [
      item('dog bed', 25, 160, 'orthopaedic', 'washable', 'raised'),
      item('cat tree', 35, 220, 'multi-level', 'wall-mounted', 'tall'),
      item('dog leash', 10, 55, 'long', 'reflective', 'hands-free'),
    ],
    features: ['sturdy stitching', 'easy cleaning', 'non-toxic dyes', 'a soft feel'],
    materials: ['natural sisal and wood', 'memory foam and cotton', 'recycled polyester'],
    uses: ['large dogs', 'indoor cats', 'puppies', 'long walks'],
  },
];
