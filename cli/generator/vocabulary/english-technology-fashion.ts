// English aisles, first half: what one listens to, works with and wears. Features, materials and uses fit all items of an aisle.

import { item } from '../vocabulary.ts';
import type { Aisle } from '../vocabulary.ts';

export const technologyAndFashion: readonly Aisle[] = [
  {
    category: 'Audio',
    items: [
      item('headphones', 40, 380, 'wireless', 'noise-cancelling', 'over-ear Bluetooth', 'studio'),
      item('earbuds', 25, 280, 'true wireless', 'waterproof sports', 'noise-cancelling', 'in-ear'),
    ],
    features: ['active noise cancelling', 'a 40-hour battery', 'deep bass', 'fast USB-C charging', 'a built-in microphone', 'clear voice calls', 'touch controls'],
    materials: ['recycled plastic', 'aluminium and soft silicone', 'aluminium and vegan leather'],
    uses: ['the gym', 'commuting', 'long flights', 'video calls', 'gaming', 'studying in peace'],
  },
  {
    category: 'Audio',
    items: [
      item('Bluetooth speaker', 30, 300, 'portable', 'waterproof', 'stereo', 'outdoor party'),
      item('soundbar', 90, 700, 'compact', 'Dolby Atmos', 'TV'),
      item('turntable', 110, 600, 'belt-drive vinyl', 'vintage style', 'automatic'),
      item('podcast microphone', 45, 260, 'USB', 'condenser', 'cardioid'),
    ],
    features: ['rich warm sound', 'a simple set-up', 'a Bluetooth connection', 'a compact footprint', 'clear voices'],
    materials: ['brushed aluminium', 'walnut and steel', 'recycled plastic'],
    uses: ['home listening', 'parties', 'the living room', 'small studios', 'music lovers'],
  },
  {
    category: 'Computers',
    items: [
      item('laptop', 450, 2600, 'ultralight 14-inch', 'gaming', '16-inch', 'convertible'),
      item('monitor', 130, 1100, '27-inch 4K', 'ultrawide curved', '144 Hz', 'portable'),
    ],
    features: ['a quiet fan', 'a bright matte display', 'USB-C power delivery', 'accurate colours', 'thin bezels', 'an anti-glare screen'],
    materials: ['machined aluminium', 'magnesium alloy', 'recycled plastic'],
    uses: ['working from home', 'students', 'video editing', 'programming', 'business trips', 'gaming'],
  },
  {
    category: 'Computers',
    items: [
      item('mechanical keyboard', 50, 220, 'tenkeyless', 'RGB', 'low-profile wireless', 'hot-swappable'),
      item('mouse', 15, 130, 'ergonomic vertical', 'wireless', 'gaming', 'silent'),
      item('USB-C hub', 20, 120, '7-in-1', 'docking', 'slim'),
      item('external SSD', 60, 320, '1 TB', 'rugged', '2 TB'),
      item('webcam', 30, 180, 'full HD', '4K', 'auto-focus'),
    ],
    features: ['plug-and-play set-up', 'a long braided cable', 'a compact design', 'support for all systems', 'a three-year warranty'],
    materials: ['matte polycarbonate', 'anodised aluminium', 'recycled plastic'],
    uses: ['the home office', 'students', 'travel', 'programmers', 'streaming'],
  },
  {
    category: 'Phones & Wearables',
    items: [
      item('smartwatch', 60, 480, 'GPS', 'fitness', 'AMOLED', 'rugged outdoor'),
      item('fitness tracker', 30, 160, 'waterproof', 'slim', 'heart-rate'),
    ],
    features: ['sleep tracking', 'heart-rate measurement', 'a week of battery life', 'water resistance', 'a bright display', 'step counting'],
    materials: ['silicone and steel', 'titanium', 'recycled aluminium'],
    uses: ['running', 'swimming', 'everyday health', 'hiking', 'training plans'],
  },
  {
    category: 'Phones & Wearables',
    items: [item('smartphone', 180, 1300, '5G', 'compact', 'dual-SIM', 'large-screen')],
    features: ['a triple camera', 'fast charging', 'a scratch-resistant screen', 'two days of battery life', 'a 120 Hz display'],
    materials: ['toughened glass and aluminium', 'recycled aluminium', 'ceramic'],
    uses: ['photographers', 'everyday use', 'business trips', 'teenagers'],
  },
  {
    category: 'Phones & Wearables',
    items: [
      item('phone case', 10, 50, 'shockproof', 'slim clear', 'magnetic', 'wallet'),
      item('power bank', 18, 90, '20,000 mAh', 'solar', 'pocket-size', 'wireless charging'),
      item('car phone mount', 12, 45, 'magnetic', 'dashboard', 'vent'),
    ],
    features: ['a secure hold', 'rounded edges', 'a slim shape', 'support for wireless charging', 'a non-slip surface'],
    materials: ['soft silicone', 'recycled plastic', 'aluminium'],
    uses: ['everyday use', 'travel', 'festivals', 'long car rides'],
  },
  {
    category: 'Cameras',
    items: [
      item('mirrorless camera', 480, 2800, 'full-frame', 'compact', 'vlogging'),
      item('action camera', 90, 450, '4K waterproof', 'helmet', '360-degree'),
      item('camera lens', 150, 1500, '50 mm prime', 'wide-angle', 'telephoto zoom'),
      item('drone', 120, 1200, 'foldable', '4K camera', 'beginner'),
    ],
    features: ['image stabilisation', 'sharp autofocus', 'weather sealing', 'low-light sensitivity', 'slow-motion video'],
    materials: ['magnesium alloy', 'light composite', 'anodised aluminium'],
    uses: ['travel photography', 'wildlife', 'portraits', 'family holidays', 'video blogs'],
  },
  {
    category: 'Cameras',
    items: [item('tripod', 25, 260, 'flexible', 'travel', 'tall video')],
    features: ['a quick-release plate', 'a ball head', 'non-slip feet', 'a carry bag'],
    materials: ['carbon fibre', 'aluminium'],
    uses: ['landscape photography', 'long exposures', 'video blogs'],
  },
  {
    category: 'Footwear',
    items: [
      item('running shoes', 55, 210, 'lightweight', 'trail', 'cushioned', "women's", "men's"),
      item('sneakers', 45, 160, 'retro', 'white', 'slip-on', 'high-top'),
    ],
    features: ['a cushioned sole', 'a breathable upper', 'a non-slip outsole', 'arch support', 'reflective details', 'a removable insole'],
    materials: ['mesh and rubber', 'recycled polyester', 'organic cotton canvas'],
    uses: ['daily training', 'city walks', 'marathon running', 'the gym', 'travel'],
  },
  {
    category: 'Footwear',
    items: [
      item('hiking boots', 80, 290, 'waterproof', 'ankle-high', 'lightweight', 'insulated winter'),
      item('ankle boots', 60, 230, 'suede', 'Chelsea', 'block-heel', 'lace-up'),
    ],
    features: ['a warm lining', 'a non-slip outsole', 'padded ankles', 'a waterproof membrane', 'a wide toe box'],
    materials: ['full-grain leather', 'nubuck leather', 'waxed suede'],
    uses: ['rocky trails', 'rainy days', 'snowy streets', 'autumn walks'],
  },
  {
    category: 'Footwear',
    items: [
      item('sandals', 25, 110, 'strappy', 'cork', 'sports', 'beach'),
      item('slippers', 15, 70, 'sheepskin', 'felt', 'open', 'cosy'),
    ],
    features: ['a soft footbed', 'a flexible sole', 'arch support', 'a light feel'],
    materials: ['cork and leather', 'wool felt', 'natural rubber'],
    uses: ['warm days', 'lazy Sundays', 'the beach', 'cold floors'],
  },
  {
    category: 'Jackets & Coats',
    items: [
      item('winter jacket', 90, 420, 'warm down', 'hooded', 'insulated', 'quilted'),
      item('parka', 110, 450, 'fur-lined', 'warm', 'long', 'arctic'),
      item('wool coat', 120, 480, 'double-breasted', 'long', 'tailored'),
    ],
    features: ['a detachable hood', 'a warm lining', 'deep zip pockets', 'a windproof shell', 'a high collar', 'a two-way zip'],
    materials: ['goose down and nylon', 'merino wool', 'recycled nylon with fleece'],
    uses: ['freezing days', 'skiing', 'snowy walks', 'the cold commute', 'mountain winters'],
  },
  {
    category: 'Jackets & Coats',
    items: [item('rain jacket', 50, 260, 'waterproof', 'packable', 'breathable', 'long')],
    features: ['taped seams', 'an adjustable hood', 'a windproof shell', 'ventilation zips'],
    materials: ['three-layer membrane fabric', 'recycled nylon'],
    uses: ['wet weather', 'cycling', 'mountain hikes', 'festivals'],
  },
  {
    category: 'Jackets & Coats',
    items: [
      item('fleece jacket', 35, 140, 'soft', 'zip-up', 'sherpa'),
      item('denim jacket', 45, 160, 'classic', 'oversized', 'lined'),
    ],
    features: ['two chest pockets', 'adjustable cuffs', 'a relaxed fit', 'easy care'],
    materials: ['recycled polyester', 'organic cotton', 'brushed cotton'],
    uses: ['autumn evenings', 'layering', 'weekends', 'spring days'],
  },
  {
    category: 'Clothing',
    items: [
      item('T-shirt', 12, 55, 'crew-neck', 'striped', 'oversized', 'long-sleeved'),
      item('summer dress', 30, 170, 'floral', 'sleeveless', 'wrap', 'midi'),
      item('dress shirt', 28, 120, 'non-iron', 'slim-fit', 'short-sleeved', 'Oxford'),
    ],
    features: ['a relaxed fit', 'an airy feel', 'an easy-care finish', 'a flattering cut', 'a soft touch'],
    materials: ['organic cotton', 'pure linen', 'bamboo viscose'],
    uses: ['hot summer days', 'the office', 'parties', 'holidays'],
  },
  {
    category: 'Clothing',
    items: [
      item('jeans', 35, 150, 'slim-fit', 'high-waisted', 'straight-leg', 'wide-leg'),
      item('leggings', 20, 95, 'high-waisted', 'thermal', 'seamless', 'yoga'),
    ],
    features: ['stretch comfort', 'a high waistband', 'flat seams', 'hidden pockets'],
    materials: ['stretch cotton', 'recycled polyamide', 'soft cotton blend'],
    uses: ['everyday wear', 'yoga classes', 'travel', 'layering'],
  },
  {
    category: 'Clothing',
    items: [
      item('jumper', 35, 190, 'chunky', 'knitted', 'turtleneck', 'cable-knit'),
      item('pyjamas', 25, 110, 'long', 'flannel', 'warm', 'two-piece'),
    ],
    features: ['a soft touch', 'ribbed cuffs', 'a loose fit', 'gentle warmth'],
    materials: ['merino wool', 'cashmere blend', 'brushed cotton'],
    uses: ['cold evenings', 'lazy weekends', 'the sofa', 'winter'],
  },
  {
    category: 'Bags & Luggage',
    items: [
      item('backpack', 30, 210, 'laptop', 'waterproof', 'roll-top', '30-litre hiking'),
      item('tote bag', 15, 90, 'large', 'foldable', 'zipped'),
      item('toiletry bag', 14, 60, 'hanging', 'waterproof', 'travel'),
    ],
    features: ['a padded laptop sleeve', 'many pockets', 'a hidden anti-theft pocket', 'padded straps', 'sturdy zips'],
    materials: ['waxed canvas', 'recycled polyester', 'ripstop nylon'],
    uses: ['weekend trips', 'school', 'cycling to work', 'business travel'],
  },
  {
    category: 'Bags & Luggage',
    items: [item('suitcase', 60, 390, 'carry-on', 'hard-shell', 'expandable', 'four-wheel')],
    features: ['smooth-running wheels', 'a combination lock', 'a telescopic handle', 'packing straps'],
    materials: ['polycarbonate', 'aluminium', 'recycled polyester'],
    uses: ['hand luggage', 'family holidays', 'business travel'],
  },
  {
    category: 'Bags & Luggage',
    items: [
      item('handbag', 70, 420, 'crossbody', 'quilted', 'vintage'),
      item('wallet', 18, 110, 'slim RFID', 'zip-around', 'card-holder'),
    ],
    features: ['fine stitching', 'a magnetic clasp', 'several compartments', 'a cotton lining'],
    materials: ['full-grain leather', 'vegan leather', 'suede'],
    uses: ['the office', 'evenings out', 'every day', 'a gift'],
  },
];
